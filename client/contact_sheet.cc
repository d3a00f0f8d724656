// SPDX-License-Identifier: Apache-2.0
#include "client/contact_sheet.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "client/import/picture.h"
#include "client/import/resize.h"

namespace archpool {
namespace {

constexpr int64_t kSheetTrainColumns = 8;
constexpr int64_t kSheetHeldOutColumns = 4;
constexpr int64_t kSheetSideMax = 64;
constexpr int64_t kSheetGap = 2;
constexpr int64_t kSheetWideGap = 12;
constexpr uint8_t kSheetBackground = 96;

bool HasColour(const TensorShape& shape) { return shape.channels == 3; }

// Image `i` as it is shown.
Picture ShownImage(const Dataset& dataset, int64_t i, int64_t width,
                   int64_t height) {
  const TensorShape& shape = dataset.shape;
  Picture picture{.width = shape.width,
                  .height = shape.height,
                  .channels = HasColour(shape) ? 3 : 1};
  const uint8_t* const image = dataset.images.data() + i * shape.elements();
  const int64_t plane = shape.height * shape.width;
  picture.pixels.reserve(static_cast<size_t>(plane * picture.channels));
  for (int64_t at = 0; at < plane; ++at) {
    for (int64_t c = 0; c < picture.channels; ++c) {
      picture.pixels.push_back(image[c * plane + at]);
    }
  }
  return Resize(picture, BoxOf(picture, PictureFit::kStretch, width, height),
                width, height);
}

void Paste(const Picture& picture, int64_t left, int64_t top, Picture& sheet) {
  const auto stride = static_cast<size_t>(picture.width * picture.channels);
  for (int64_t y = 0; y < picture.height; ++y) {
    std::copy_n(
        picture.pixels.begin() + y * static_cast<std::ptrdiff_t>(stride),
        stride,
        sheet.pixels.begin() +
            ((top + y) * sheet.width + left) * sheet.channels);
  }
}

// At most `count_max` images of each class, from the first to the last.
std::vector<std::vector<int64_t>> ImagesByClass(const Dataset& dataset,
                                                int64_t count_max) {
  std::vector<std::vector<int64_t>> all(static_cast<size_t>(dataset.classes));
  for (int64_t i = 0; i < dataset.count(); ++i) {
    all[dataset.labels[static_cast<size_t>(i)]].push_back(i);
  }
  for (std::vector<int64_t>& images : all) {
    const int64_t count = std::ssize(images);
    if (count <= count_max) continue;
    std::vector<int64_t> chosen;
    for (int64_t i = 0; i < count_max; ++i) {
      chosen.push_back(
          images[static_cast<size_t>(i * (count - 1) / (count_max - 1))]);
    }
    images = std::move(chosen);
  }
  return all;
}

}  // namespace

std::string DrawContactSheet(const Dataset& train,
                             const std::optional<Dataset>& held_out) {
  const TensorShape& shape = train.shape;
  const int64_t longest = std::max({shape.width, shape.height, kSheetSideMax});
  const int64_t width =
      std::max<int64_t>(1, shape.width * kSheetSideMax / longest);
  const int64_t height =
      std::max<int64_t>(1, shape.height * kSheetSideMax / longest);
  const int64_t across = width + kSheetGap;
  const int64_t down = height + kSheetGap;
  const int64_t held_out_left = kSheetTrainColumns * across + kSheetWideGap;
  Picture sheet{.width = held_out.has_value()
                             ? held_out_left + kSheetHeldOutColumns * across
                             : kSheetTrainColumns * across,
                .height = train.classes * down,
                .channels = HasColour(shape) ? 3 : 1};
  sheet.pixels.assign(
      static_cast<size_t>(sheet.width * sheet.height * sheet.channels),
      kSheetBackground);
  const auto draw = [&](const Dataset& dataset, int64_t columns, int64_t left) {
    const auto images = ImagesByClass(dataset, columns);
    for (size_t label = 0; label < images.size(); ++label) {
      for (size_t i = 0; i < images[label].size(); ++i) {
        Paste(ShownImage(dataset, images[label][i], width, height),
              left + static_cast<int64_t>(i) * across,
              static_cast<int64_t>(label) * down, sheet);
      }
    }
  };
  draw(train, kSheetTrainColumns, 0);
  if (held_out.has_value()) {
    draw(*held_out, kSheetHeldOutColumns, held_out_left);
  }
  return EncodePng(sheet);
}

}  // namespace archpool
