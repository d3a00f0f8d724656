// SPDX-License-Identifier: Apache-2.0
// Turns stored pixels into what a network reads: normalised floats, channels
// last (float32 [count, height, width, channels]), shifted and mirrored where
// the recipe says so.
#ifndef ARCHPOOL_COMMON_KERNELS_BATCHES_H_
#define ARCHPOOL_COMMON_KERNELS_BATCHES_H_

#include <array>
#include <cstdint>

#include "absl/types/span.h"
#include "common/base/counter_rng.h"
#include "common/data/dataset.h"
#include "common/kernels/trial.h"
#include "common/model/task_spec.h"

namespace archpool::kernels {

// How one image is moved before it is read.
struct Displacement {
  int64_t down = 0;
  int64_t right = 0;
  bool mirrored = false;
};

// Draws the displacement of the next image of a step.
Displacement DrawDisplacement(const Recipe& recipe, CounterRng& rng);

// Reads images of one dataset. Keeps a reference to it. Thread-compatible.
class PixelReader {
 public:
  PixelReader(const Dataset& dataset, const Normalization& normalization);

  // Writes image `index` to `out`, dataset.shape.elements() floats. Pixels that
  // a shift brings in from outside are 0 before normalisation.
  // REQUIRES: index in [0, dataset.count()).
  void Read(int64_t index, const Displacement& displacement, float* out) const;

 private:
  const Dataset& dataset_;
  std::array<float, 256> normalized_;
};

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_BATCHES_H_
