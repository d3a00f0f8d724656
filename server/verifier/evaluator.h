// An Evaluator loads weights into a plan's network and counts correct answers.
// The verifier knows no more of inference than this, so that it builds and is
// tested without LibTorch.
#ifndef ARCHPOOL_SERVER_VERIFIER_EVALUATOR_H_
#define ARCHPOOL_SERVER_VERIFIER_EVALUATOR_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/data/dataset.h"
#include "common/data/safetensors.h"
#include "common/nas/layer_plan.h"

namespace archpool {

class Evaluator {
 public:
  virtual ~Evaluator() = default;
  // INVALID_ARGUMENT with a reason WEIGHTS_…: the weights are unusable. All
  // other errors say nothing about the weights.
  virtual absl::StatusOr<int64_t> CountCorrect(const LayerPlan& plan,
                                               const TensorMap& weights,
                                               const DatasetManifest& manifest,
                                               const Dataset& dataset) = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_VERIFIER_EVALUATOR_H_
