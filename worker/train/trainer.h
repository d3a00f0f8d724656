// SPDX-License-Identifier: Apache-2.0
// A Trainer turns a plan into trained weights. The agent knows no more of
// training than this, so that it is tested without computing anything.
#ifndef ARCHPOOL_WORKER_TRAIN_TRAINER_H_
#define ARCHPOOL_WORKER_TRAIN_TRAINER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/crypto/sha256.h"
#include "common/data/checkpoint.h"
#include "common/data/dataset.h"
#include "common/data/safetensors.h"
#include "common/model/task_spec.h"
#include "common/nas/layer_plan.h"
#include "worker/train/lane_plan.h"

namespace archpool {

// Everything that decides a training. Borrowed for the length of the call.
struct TrainingRequest {
  const LayerPlan& plan;
  const Recipe& recipe;
  // Up to this rung, from the weights of the one below (null: from the start).
  int64_t rung;
  const TensorMap* resumed;
  const Digest& trial_key;
  const DatasetManifest& manifest;
  const Dataset& train;
  const Dataset& validation;
  // A checkpoint of this very training to continue from; null: none.
  const Checkpoint* from = nullptr;
  // They change the speed alone. 0: all that the trainer has.
  int64_t threads = 0;
};

struct TrainingResult {
  TensorMap weights;
  int64_t validation_correct = 0;
  // The step that was not done, from 0, where the training diverged.
  std::optional<int64_t> diverged_at_step = std::nullopt;
};

// Hears of every step, and while the result is counted of the last one again,
// on the training thread; answers false to stop.
using StepCallback = std::function<bool(int64_t step, int64_t steps)>;

// Hears of every checkpoint in turn, from boundary 0 (or the one after
// `from`'s) to recipe.segments, whose weights are the result's; of all of them,
// too, where the training diverged on the way. An error ends the training.
using CheckpointCallback = std::function<absl::Status(const Checkpoint&)>;

class Trainer {
 public:
  virtual ~Trainer() = default;
  // CANCELLED (TRAINING_STOPPED): `on_step` answered false. Other errors: this
  // trial cannot be trained here.
  virtual absl::StatusOr<TrainingResult> Train(
      const TrainingRequest& request, const StepCallback& on_step,
      const CheckpointCallback& on_checkpoint) = 0;
  // The arithmetic that results depend on (common/model/arithmetic.h).
  virtual std::string arithmetic() const = 0;
  // Whether this machine computes as that says; a second or two. Called once,
  // on a thread of its own, while the worker asks for work; no training begins
  // before it has answered. An error: it must not work.
  virtual absl::Status Check() { return absl::OkStatus(); }
  // What a training takes in memory at its peak, program and data included; 0:
  // next to nothing.
  virtual int64_t MemoryBytes(const LayerPlan& /*plan*/,
                              const Recipe& /*recipe*/,
                              const DatasetManifest& /*manifest*/) const {
    return 0;
  }
  // Measures which of the choices fills this machine best, in a second or so,
  // and logs what came of it. Called once at most, after Check and before any
  // training. REQUIRES: not empty.
  virtual LanePlan ChooseLanes(const std::vector<LanePlan>& choices) {
    return choices.front();
  }
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_TRAIN_TRAINER_H_
