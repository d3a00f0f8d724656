// SPDX-License-Identifier: Apache-2.0
#include "client/import/resize.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "common/base/check.h"

namespace archpool {
namespace {

// In units of 1/to of a pixel, `to`'s pixel i covers [i * from, (i + 1) *
// from), and `from`'s pixel j covers [j * to, (j + 1) * to).
AxisTaps::Tap BoxTap(int64_t from, int64_t to, int64_t i) {
  const int64_t begin = i * from;
  const int64_t end = begin + from;
  AxisTaps::Tap tap{.first = begin / to, .weights = {}};
  for (int64_t j = tap.first; j * to < end; ++j) {
    tap.weights.push_back(static_cast<uint32_t>(std::min(end, (j + 1) * to) -
                                                std::max(begin, j * to)));
  }
  return tap;
}

// The centre of `to`'s pixel i, in units of 1/(2 * to) of a pixel from the
// centre of `from`'s first.
AxisTaps::Tap BilinearTap(int64_t from, int64_t to, int64_t i) {
  const int64_t unit = 2 * to;
  const int64_t centre =
      std::clamp<int64_t>((2 * i + 1) * from - to, 0, unit * (from - 1));
  AxisTaps::Tap tap{.first = centre / unit, .weights = {}};
  const int64_t beyond = centre % unit;
  tap.weights.push_back(static_cast<uint32_t>(unit - beyond));
  if (beyond > 0) tap.weights.push_back(static_cast<uint32_t>(beyond));
  return tap;
}

// Rows of the picture as sums along the horizontal axis. Consecutive pixels of
// the vertical one share a row at most with the one before.
class RowSums {
 public:
  RowSums(const Picture& picture, const PictureBox& box, const AxisTaps& taps)
      : picture_(picture), box_(box), taps_(taps) {}

  // The sums of the row `y` of the box: for each pixel, its channels.
  // REQUIRES: among the last two that were asked for, or a later one.
  const std::vector<uint32_t>& At(int64_t y) {
    Row& row = rows_[static_cast<size_t>(y % 2)];
    if (row.y != y) {
      row.y = y;
      Add(y, row.sums);
    }
    return row.sums;
  }

 private:
  struct Row {
    int64_t y = -1;
    std::vector<uint32_t> sums;
  };

  void Add(int64_t y, std::vector<uint32_t>& sums) const {
    const auto channels = static_cast<size_t>(picture_.channels);
    sums.assign(taps_.taps.size() * channels, 0);
    const uint8_t* const row =
        picture_.pixels.data() +
        static_cast<size_t>((box_.top + y) * picture_.width + box_.left) *
            channels;
    uint32_t* sum = sums.data();
    for (const AxisTaps::Tap& tap : taps_.taps) {
      const uint8_t* pixel = row + static_cast<size_t>(tap.first) * channels;
      for (const uint32_t weight : tap.weights) {
        for (size_t c = 0; c < channels; ++c) sum[c] += weight * pixel[c];
        pixel += channels;
      }
      sum += channels;
    }
  }

  const Picture& picture_;
  const PictureBox box_;
  const AxisTaps& taps_;
  std::array<Row, 2> rows_;
};

}  // namespace

AxisTaps MakeTaps(int64_t from, int64_t to) {
  ARCHPOOL_CHECK(from >= 1 && to >= 1);
  AxisTaps axis;
  axis.sum = static_cast<uint64_t>(to <= from ? from : 2 * to);
  for (int64_t i = 0; i < to; ++i) {
    axis.taps.push_back(to <= from ? BoxTap(from, to, i)
                                   : BilinearTap(from, to, i));
  }
  return axis;
}

PictureBox BoxOf(const Picture& picture, PictureFit fit, int64_t width,
                 int64_t height) {
  PictureBox box{
      .left = 0, .top = 0, .width = picture.width, .height = picture.height};
  if (fit == PictureFit::kStretch) return box;
  if (picture.width * height > width * picture.height) {
    box.width = std::max<int64_t>(1, picture.height * width / height);
  } else {
    box.height = std::max<int64_t>(1, picture.width * height / width);
  }
  box.left = (picture.width - box.width) / 2;
  box.top = (picture.height - box.height) / 2;
  return box;
}

Picture Resize(const Picture& picture, const PictureBox& box, int64_t width,
               int64_t height) {
  const AxisTaps across = MakeTaps(box.width, width);
  const AxisTaps down = MakeTaps(box.height, height);
  const uint64_t whole = across.sum * down.sum;
  RowSums rows(picture, box, across);
  Picture resized{
      .width = width, .height = height, .channels = picture.channels};
  resized.pixels.reserve(
      static_cast<size_t>(width * height * picture.channels));
  // At most 255 * 65,535 * 65,535: it fits.
  std::vector<uint64_t> sums;
  for (const AxisTaps::Tap& tap : down.taps) {
    sums.assign(static_cast<size_t>(width * picture.channels), 0);
    for (size_t i = 0; i < tap.weights.size(); ++i) {
      const uint64_t weight = tap.weights[i];
      const std::vector<uint32_t>& row =
          rows.At(tap.first + static_cast<int64_t>(i));
      for (size_t x = 0; x < sums.size(); ++x) sums[x] += weight * row[x];
    }
    for (const uint64_t sum : sums) {
      resized.pixels.push_back(static_cast<uint8_t>((sum + whole / 2) / whole));
    }
  }
  return resized;
}

}  // namespace archpool
