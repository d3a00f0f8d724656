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
  for (int64_t channel = 0; channel < shape.channels; ++channel) {
    const uint8_t* plane = image + channel * shape.height * shape.width;
    for (int64_t y = 0; y < shape.height; ++y) {
      const int64_t source_y = y - displacement.down;
      const bool row_inside = source_y >= 0 && source_y < shape.height;
      float* row = out + y * shape.width * shape.channels + channel;
      for (int64_t x = 0; x < shape.width; ++x) {
        const int64_t shown_x = displacement.mirrored ? shape.width - 1 - x : x;
        const int64_t source_x = shown_x - displacement.right;
        const bool inside =
            row_inside && source_x >= 0 && source_x < shape.width;
        const uint8_t value =
            inside ? plane[source_y * shape.width + source_x] : uint8_t{0};
        row[x * shape.channels] = normalized_[value];
      }
    }
  }
}

}  // namespace archpool::kernels
