// SPDX-License-Identifier: Apache-2.0
// Networks drawn from a task file's space, and images of noise to train them
// on: programs that measure need no data set.
#ifndef ARCHPOOL_TESTS_BENCH_DRAWN_PLANS_H_
#define ARCHPOOL_TESTS_BENCH_DRAWN_PLANS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "common/base/counter_rng.h"
#include "common/data/dataset.h"
#include "common/nas/layer_plan.h"

namespace archpool {

// Of the images that a task file of deploy/examples is about: Fashion-MNIST's
// or CIFAR-10's.
inline TensorShape ImageShapeOf(const std::string& task_file) {
  return task_file.find("fashion") != std::string::npos
             ? TensorShape{1, 28, 28}
             : TensorShape{3, 32, 32};
}

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

#endif  // ARCHPOOL_TESTS_BENCH_DRAWN_PLANS_H_
