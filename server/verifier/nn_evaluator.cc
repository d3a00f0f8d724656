#include "server/verifier/nn_evaluator.h"

#include "common/nn/trial.h"

namespace archpool {

absl::StatusOr<int64_t> NnEvaluator::CountCorrect(
    const LayerPlan& plan, const TensorMap& weights,
    const DatasetManifest& manifest, const Dataset& dataset) {
  return nn::CountCorrect(plan, weights,
                          {manifest.mean_ppm, manifest.deviation_ppm}, dataset);
}

}  // namespace archpool
