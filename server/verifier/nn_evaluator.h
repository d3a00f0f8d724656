// Evaluator with LibTorch. Thread-compatible.
#ifndef ARCHPOOL_SERVER_VERIFIER_NN_EVALUATOR_H_
#define ARCHPOOL_SERVER_VERIFIER_NN_EVALUATOR_H_

#include "server/verifier/evaluator.h"

namespace archpool {

class NnEvaluator : public Evaluator {
 public:
  // REQUIRES: nn::ConfigureRuntime was called.
  NnEvaluator() = default;
  absl::StatusOr<int64_t> CountCorrect(const LayerPlan& plan,
                                       const TensorMap& weights,
                                       const DatasetManifest& manifest,
                                       const Dataset& dataset) override;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_VERIFIER_NN_EVALUATOR_H_
