// SPDX-License-Identifier: Apache-2.0
// Images of noise to train networks on: programs that measure need no data set.
// Header-only.
#ifndef ARCHPOOL_TESTS_BENCH_NOISE_IMAGES_H_
#define ARCHPOOL_TESTS_BENCH_NOISE_IMAGES_H_

#include <cstddef>
#include <cstdint>

#include "common/base/counter_rng.h"
#include "common/data/dataset.h"
#include "common/nas/layer_plan.h"

namespace archpool {

inline Dataset NoiseImages(const LayerPlan& plan, int64_t count) {
  Dataset data;
  data.shape = plan.input_shape;
  data.classes = plan.classes;
  CounterRng rng(1, 1);
  data.images.resize(static_cast<size_t>(count * data.shape.elements()));
  for (uint8_t& pixel : data.images) {
    pixel = static_cast<uint8_t>(rng.Below(256));
  }
  data.labels.resize(static_cast<size_t>(count));
  for (uint8_t& label : data.labels) {
    label =
        static_cast<uint8_t>(rng.Below(static_cast<uint32_t>(plan.classes)));
  }
  return data;
}

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_BENCH_NOISE_IMAGES_H_
