// SPDX-License-Identifier: Apache-2.0
// A training that can be stopped after any step, written down, and continued
// Not thread-safe.
#ifndef ARCHPOOL_COMMON_KERNELS_TRAINING_RUN_H_
#define ARCHPOOL_COMMON_KERNELS_TRAINING_RUN_H_

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/data/checkpoint.h"
#include "common/data/dataset.h"
#include "common/kernels/inner/network.h"
#include "common/kernels/inner/team.h"
#include "common/kernels/schedule.h"
#include "common/kernels/simd.h"
#include "common/kernels/trial.h"
#include "common/kernels/trial_batches.h"
#include "common/model/task_spec.h"
#include "common/nas/layer_plan.h"

namespace archpool::kernels {

class TrainingRun {
 public:
  // At step 0. All outlive the run. REQUIRES: CheckData(plan, train), and
  // CheckWeights(plan, *span.resumed) where that is set.
  TrainingRun(const LayerPlan& plan, const Recipe& recipe, const RungSpan& span,
              uint64_t key, const Normalization& normalization,
              const Dataset& train, const Machine& machine);

  int64_t step() const { return step_; }    // done so far
  int64_t steps() const { return steps_; }  // in all
  // The step that would have made a number infinite or NaN, and was not done.
  std::optional<int64_t> diverged_at_step() const { return diverged_at_step_; }

  // Does the next one, or nothing more once the training has diverged.
  // REQUIRES: step() < steps().
  void Step();
  // To the step at which `boundary` lies: where a training has diverged, at
  // once. REQUIRES: step() is not behind it.
  void SkipTo(int64_t boundary);
  // The loss of the last batch, before its step; for people, never for
  // decisions.
  double Loss() const;

  TensorMap Weights() const;
  // REQUIRES: step() is where `boundary` lies.
  Checkpoint Capture(int64_t boundary) const;
  // Continues from there. INVALID_ARGUMENT: CHECKPOINT_MALFORMED (a tensor
  // missing, left over, or of another shape; a boundary that is none).
  absl::Status Restore(const Checkpoint& checkpoint);

  const Network& network() const { return network_; }
  Team& team() { return team_; }

 private:
  void Load(const TensorMap& weights);
  // The rung that a step lies in, and the step within it.
  std::pair<const Schedule*, int64_t> PlaceOf(int64_t step) const;

  const LayerPlan& plan_;
  const Recipe& recipe_;
  const std::vector<Schedule> schedules_;  // one a rung
  Team team_;
  Network network_;
  TrialBatches batches_;
  int64_t steps_ = 0;
  int64_t step_ = 0;
  std::optional<int64_t> diverged_at_step_;
};

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_TRAINING_RUN_H_
