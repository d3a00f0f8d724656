// SPDX-License-Identifier: Apache-2.0
// Pictures of one size out of pictures of all sizes, by an arithmetic that is
// stated to the last bit (docs/datasets.md): exact sums of integers, rounded
// once. Pure functions; thread-safe.
#ifndef ARCHPOOL_CLIENT_IMPORT_RESIZE_H_
#define ARCHPOOL_CLIENT_IMPORT_RESIZE_H_

#include <cstdint>
#include <vector>

#include "client/import/picture.h"

namespace archpool {

// Which pixels of one axis make each pixel of another, and how much of each.
// `to` shorter than `from`: the average over the part that a pixel covers (box
// filter). Longer: between the centres of the two nearest (bilinear); beyond
// the outermost centres, the outermost. The weights of each pixel sum up to
// `sum`.
struct AxisTaps {
  struct Tap {
    int64_t first = 0;  // pixel of `from`
    std::vector<uint32_t> weights;
  };
  std::vector<Tap> taps;  // one for each pixel of `to`
  uint64_t sum = 1;
};
// REQUIRES: `from` in [1, kPictureSideMax], `to` in [1, 4096].
AxisTaps MakeTaps(int64_t from, int64_t to);

// A part of a picture.
struct PictureBox {
  int64_t left = 0;
  int64_t top = 0;
  int64_t width = 0;
  int64_t height = 0;
};
// All of it, or, for kCrop, the largest part of the wanted shape; sides are
// rounded down, to 1 at least, and what is left over is cut from both sides,
// the odd pixel from the right or the bottom.
PictureBox BoxOf(const Picture& picture, PictureFit fit, int64_t width,
                 int64_t height);

// The part of `picture` in `box` as width x height pixels: by both axes' taps,
// the sum of weight times value over the product of both sums, rounded half up.
// REQUIRES: as MakeTaps; `box` lies within.
Picture Resize(const Picture& picture, const PictureBox& box, int64_t width,
               int64_t height);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_IMPORT_RESIZE_H_
