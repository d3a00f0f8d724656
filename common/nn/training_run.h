// SPDX-License-Identifier: Apache-2.0
// A training that can be stopped after any step, written down, and continued
// Needs LibTorch inside: for common/nn alone. Not thread-safe.
#ifndef ARCHPOOL_COMMON_NN_TRAINING_RUN_H_
#define ARCHPOOL_COMMON_NN_TRAINING_RUN_H_

#include <cstdint>
#include <memory>

#include "common/nn/trial.h"

namespace archpool::nn {

class TrainingRun {
 public:
  // At step 0. All outlive the run. REQUIRES: CheckData(plan, train), and
  // CheckWeights(plan, *span.resumed) where that is set.
  TrainingRun(const LayerPlan& plan, const Recipe& recipe, const RungSpan& span,
              uint64_t key, const Normalization& normalization,
              const Dataset& train);
  ~TrainingRun();

  int64_t step() const;   // done so far
  int64_t steps() const;  // in all
  // Does the next one; its batch's loss. REQUIRES: step() < steps().
  double Step();

  TensorMap Weights() const;
  // REQUIRES: step() is where `boundary` lies.
  Checkpoint Capture(int64_t boundary) const;
  // Continues from there. INVALID_ARGUMENT: CHECKPOINT_MALFORMED (a tensor
  // missing, left over, or of another shape; a boundary that is none).
  // Numbers may be anything: a training that diverged holds NaN.
  absl::Status Restore(const Checkpoint& checkpoint);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace archpool::nn

#endif  // ARCHPOOL_COMMON_NN_TRAINING_RUN_H_
