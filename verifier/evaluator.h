// SPDX-License-Identifier: Apache-2.0
// An Evaluator does the arithmetic of an audit: it replays parts of trainings
// and counts correct answers. The verifier knows no more of it than this, so
// that it builds and is tested without LibTorch. Thread-compatible.
#ifndef ARCHPOOL_VERIFIER_EVALUATOR_H_
#define ARCHPOOL_VERIFIER_EVALUATOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/crypto/sha256.h"
#include "common/data/checkpoint.h"
#include "common/data/dataset.h"
#include "common/data/safetensors.h"
#include "common/model/task_spec.h"
#include "common/nas/layer_plan.h"

namespace archpool {

// All that decides a training but its data. Borrowed.
struct TrainingSetup {
  const LayerPlan& plan;
  const Recipe& recipe;
  int64_t rung;
  bool resumes;  // whether it continues from the weights of the rung below
  const Digest& trial_key;
  const DatasetManifest& manifest;
};

class Evaluator {
 public:
  virtual ~Evaluator() = default;

  // The arithmetics that it computes in, by name.
  virtual std::vector<std::string> arithmetics() const = 0;

  // INVALID_ARGUMENT with a reason WEIGHTS_… or CHECKPOINT_…: the tensors are
  // unusable. All other errors say nothing about them. INTERNAL
  // (EVALUATIONS_DIFFER): two implementations count differently, and one of
  // them is wrong; the operator must examine it.

  virtual absl::StatusOr<int64_t> CountCorrect(const LayerPlan& plan,
                                               const TensorMap& weights,
                                               const DatasetManifest& manifest,
                                               const Dataset& dataset) = 0;
  // Where the training begins. `resumed`: the weights that it continues from;
  // null where it continues from none.
  virtual absl::StatusOr<Checkpoint> Start(const TrainingSetup& setup,
                                           const TensorMap* resumed,
                                           const Dataset& train) = 0;
  // Where the segment that begins with `from` leads.
  virtual absl::StatusOr<Checkpoint> Replay(const TrainingSetup& setup,
                                            const Dataset& train,
                                            const Checkpoint& from) = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_EVALUATOR_H_
