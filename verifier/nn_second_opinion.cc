// SPDX-License-Identifier: Apache-2.0
// LibTorch's.
#include <memory>
#include <vector>

#include "common/nn/logits.h"
#include "common/nn/trial.h"
#include "verifier/make_second_opinion.h"

namespace archpool {
namespace {

class NnSecondOpinion : public SecondOpinion {
 public:
  absl::StatusOr<std::vector<double>> ComputeLogits(
      const LayerPlan& plan, const TensorMap& weights,
      const DatasetManifest& manifest, const Dataset& dataset,
      OpinionPrecision precision) override {
    return nn::ComputeLogits(
        plan, weights, {manifest.mean_ppm, manifest.deviation_ppm}, dataset,
        dataset.count(),
        precision == OpinionPrecision::kFloat64 ? nn::Precision::kFloat64
                                                : nn::Precision::kFloat32);
  }
};

}  // namespace

std::unique_ptr<SecondOpinion> MakeSecondOpinion(int threads) {
  nn::ConfigureRuntime(threads);
  return std::make_unique<NnSecondOpinion>();
}

void SayWhoseOpinionIsSecond() {}

}  // namespace archpool
