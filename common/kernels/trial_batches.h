// SPDX-License-Identifier: Apache-2.0
// The batches of a training, as its key decides them.
#ifndef ARCHPOOL_COMMON_KERNELS_TRIAL_BATCHES_H_
#define ARCHPOOL_COMMON_KERNELS_TRIAL_BATCHES_H_

#include <cstdint>
#include <vector>

#include "common/data/dataset.h"
#include "common/kernels/batches.h"
#include "common/kernels/inner/team.h"
#include "common/kernels/schedule.h"
#include "common/kernels/trial.h"
#include "common/model/task_spec.h"

namespace archpool::kernels {

struct Batch {
  std::vector<float> images;  // [example][row][column][channel]
  std::vector<uint8_t> labels;
};

// By step; any step may be asked for next. Keeps references to what it is made
// of. Thread-compatible.
class TrialBatches {
 public:
  TrialBatches(const Recipe& recipe, uint64_t key, const Schedule& schedule,
               const Normalization& normalization, const Dataset& data);

  // Valid until the next call. Where there is a team, it reads the images.
  // REQUIRES: step >= 0.
  const Batch& At(int64_t step, Team* team = nullptr);
  // What At returned last.
  const Batch& last() const { return batch_; }

 private:
  const Recipe& recipe_;
  const uint64_t key_;
  const int64_t batch_size_;
  const int64_t steps_per_epoch_;
  const Dataset& data_;
  const PixelReader reader_;
  std::vector<uint32_t> order_;
  int64_t epoch_ = -1;
  std::vector<Displacement> displacements_;
  Batch batch_;
};

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_TRIAL_BATCHES_H_
