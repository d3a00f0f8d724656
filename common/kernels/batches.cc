// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/batches.h"

#include <algorithm>
#include <cstddef>

#include "common/base/check.h"

namespace archpool::kernels {

Displacement DrawDisplacement(const Recipe& recipe, CounterRng& rng) {
  Displacement displacement;
  const int64_t reach = recipe.shift_pixels_max;
  if (reach > 0) {
    const auto places = static_cast<uint32_t>(2 * reach + 1);
    displacement.down = int64_t{rng.Below(places)} - reach;
    displacement.right = int64_t{rng.Below(places)} - reach;
  }
  if (recipe.horizontal_flip) displacement.mirrored = rng.Below(2) == 1;
  return displacement;
}

PixelReader::PixelReader(const Dataset& dataset,
                         const Normalization& normalization)
    : dataset_(dataset) {
  const double mean = static_cast<double>(normalization.mean_ppm) / 1e6;
  // A deviation of 0 is that of a dataset of one colour: any scale will do.
  const double deviation =
      static_cast<double>(std::max<int64_t>(normalization.deviation_ppm, 1)) /
      1e6;
  for (size_t value = 0; value < normalized_.size(); ++value) {
    normalized_[value] = static_cast<float>(
        (static_cast<double>(value) / 255.0 - mean) / deviation);
  }
}

void PixelReader::Read(int64_t index, const Displacement& displacement,
                       float* out) const {
  ARCHPOOL_CHECK(index >= 0 && index < dataset_.count());
  const TensorShape& shape = dataset_.shape;
  const uint8_t* image = dataset_.images.data() + index * shape.elements();
  // The columns [begin, end) of a row that lie inside the stored image, and
  // where the first of them is stored; from there it goes up, or down.
  const int64_t right =
      displacement.mirrored ? -displacement.right : displacement.right;
  const int64_t begin = std::clamp<int64_t>(right, 0, shape.width);
  const int64_t end = std::clamp<int64_t>(shape.width + right, 0, shape.width);
  const int64_t first =
      displacement.mirrored ? shape.width - 1 - begin + right : begin - right;
  const int64_t step = displacement.mirrored ? -1 : 1;
  for (int64_t channel = 0; channel < shape.channels; ++channel) {
    const uint8_t* plane = image + channel * shape.height * shape.width;
    for (int64_t y = 0; y < shape.height; ++y) {
      const int64_t source_y = y - displacement.down;
      const bool is_inside = source_y >= 0 && source_y < shape.height;
      float* row = out + y * shape.width * shape.channels + channel;
      const int64_t from = is_inside ? begin : shape.width;
      const int64_t to = is_inside ? end : shape.width;
      for (int64_t x = 0; x < from; ++x) {
        row[x * shape.channels] = normalized_[0];
      }
      const uint8_t* source = plane + source_y * shape.width + first;
      for (int64_t x = from; x < to; ++x) {
        row[x * shape.channels] = normalized_[*source];
        source += step;
      }
      for (int64_t x = std::max(from, to); x < shape.width; ++x) {
        row[x * shape.channels] = normalized_[0];
      }
    }
  }
}

}  // namespace archpool::kernels
