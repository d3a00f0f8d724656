// SPDX-License-Identifier: Apache-2.0
// How many steps a recipe takes over a dataset, and the learning rate of each.
// Only + - * / are used, so every machine computes the same rate to the bit.
#ifndef ARCHPOOL_COMMON_KERNELS_SCHEDULE_H_
#define ARCHPOOL_COMMON_KERNELS_SCHEDULE_H_

#include <cstdint>

#include "common/model/task_spec.h"

namespace archpool::kernels {

// Value type; thread-compatible.
class Schedule {
 public:
  // The schedule of one rung of the recipe: each runs the whole course.
  // REQUIRES: examples > 0, recipe.batch_size > 0, the rung's epochs > 0.
  Schedule(const Recipe& recipe, int64_t examples, int64_t rung = 0);

  // min(recipe.batch_size, examples).
  int64_t batch_size() const { return batch_size_; }
  // Whole batches alone: the examples left over at the end of an epoch's order
  // sit that epoch out, so that every step weighs the same.
  int64_t steps_per_epoch() const { return steps_per_epoch_; }
  int64_t steps() const { return steps_; }

  // Rises linearly to the peak over the warm-up, then falls along a cosine,
  // towards 0 after the last step. REQUIRES: step in [0, steps()).
  double LearningRate(int64_t step) const;

 private:
  int64_t batch_size_;
  int64_t steps_per_epoch_;
  int64_t steps_;
  int64_t warmup_steps_;
  double peak_;
};

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_SCHEDULE_H_
