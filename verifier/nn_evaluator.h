// Evaluator with LibTorch. Thread-compatible.
#ifndef ARCHPOOL_VERIFIER_NN_EVALUATOR_H_
#define ARCHPOOL_VERIFIER_NN_EVALUATOR_H_

#include "verifier/evaluator.h"

namespace archpool {

class NnEvaluator : public Evaluator {
 public:
  // REQUIRES: nn::ConfigureRuntime was called, with as many threads.
  explicit NnEvaluator(int64_t threads) : threads_(threads) {}
  std::vector<std::string> arithmetics() const override;
  absl::StatusOr<int64_t> CountCorrect(const LayerPlan& plan,
                                       const TensorMap& weights,
                                       const DatasetManifest& manifest,
                                       const Dataset& dataset) override;
  absl::StatusOr<Checkpoint> Start(const TrainingSetup& setup,
                                   const TensorMap* resumed,
                                   const Dataset& train) override;
  absl::StatusOr<Checkpoint> Replay(const TrainingSetup& setup,
                                    const Dataset& train,
                                    const Checkpoint& from) override;

 private:
  const int64_t threads_;
};

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_NN_EVALUATOR_H_
