// LibTorch's.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/nn/logits.h"
#include "common/nn/trial.h"
#include "verifier/make_second_opinion.h"

namespace archpool {
namespace {

class NnSecondOpinion : public SecondOpinion {
 public:
  absl::StatusOr<SecondLogits> ComputeLogits(const LayerPlan& plan,
                                             const TensorMap& weights,
                                             const DatasetManifest& manifest,
                                             const Dataset& dataset) override {
    const auto compute = [&](nn::Precision precision, int64_t count) {
      return nn::ComputeLogits(plan, weights,
                               {manifest.mean_ppm, manifest.deviation_ppm},
                               dataset, count, precision);
    };
    ARCHPOOL_ASSIGN_OR_RETURN(
        std::vector<double> exact,
        compute(nn::Precision::kFloat64, dataset.count()));
    ARCHPOOL_ASSIGN_OR_RETURN(
        const std::vector<double> rounded,
        compute(nn::Precision::kFloat32,
                std::min(kCalibrationExamples, dataset.count())));
    SecondLogits second{.logits = std::move(exact)};
    for (size_t i = 0; i < rounded.size(); ++i) {
      const double difference = std::isfinite(rounded[i])
                                    ? std::abs(rounded[i] - second.logits[i])
                                    : std::numeric_limits<double>::infinity();
      // Not a number: it is double precision that cannot tell.
      if (difference > second.rounding) second.rounding = difference;
    }
    return second;
  }
};

}  // namespace

std::unique_ptr<SecondOpinion> MakeSecondOpinion(int threads) {
  nn::ConfigureRuntime(threads);
  return std::make_unique<NnSecondOpinion>();
}

void SayWhoseOpinionIsSecond() {}

}  // namespace archpool
