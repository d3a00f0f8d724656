// SPDX-License-Identifier: Apache-2.0
#include "verifier/kernel_evaluator.h"

#include "common/base/status.h"
#include "common/kernels/machine_choice.h"
#include "common/kernels/self_check.h"
#include "common/kernels/training.h"
#include "common/log/log.h"
#include "common/model/arithmetic.h"

namespace archpool {
namespace {

kernels::Normalization NormalizationOf(const DatasetManifest& manifest) {
  return {manifest.mean_ppm, manifest.deviation_ppm};
}

int64_t CountIn(absl::Span<const float> logits, const Dataset& dataset) {
  const auto classes = static_cast<size_t>(dataset.classes);
  int64_t correct = 0;
  for (size_t i = 0; i < dataset.labels.size(); ++i) {
    if (kernels::Predict(logits.subspan(i * classes, classes)) ==
        dataset.labels[i]) {
      ++correct;
    }
  }
  return correct;
}

}  // namespace

std::vector<std::string> KernelEvaluator::arithmetics() const {
  return {std::string(kArithmetic)};
}

absl::StatusOr<int64_t> KernelEvaluator::CountCorrect(
    const LayerPlan& plan, const TensorMap& weights,
    const DatasetManifest& manifest, const Dataset& dataset) {
  if (!consultation_) {
    return kernels::CountCorrect(plan, weights, NormalizationOf(manifest),
                                 dataset, nullptr, machine_);
  }
  std::vector<float> logits;
  ARCHPOOL_RETURN_IF_ERROR(kernels::ComputeLogits(
      plan, weights, NormalizationOf(manifest), dataset,
      [&](int64_t /*first*/, absl::Span<const float> some) {
        logits.insert(logits.end(), some.begin(), some.end());
        return true;
      },
      machine_));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const OpinionComparison comparison,
      consultation_->Ask(plan, weights, manifest, dataset, logits));
  if (!comparison.agrees()) {
    return Internal("EVALUATIONS_DIFFER", Describe(comparison));
  }
  LogDebug("second_opinion", "the second opinion agrees",
           {{"comparison", Describe(comparison)}});
  return CountIn(logits, dataset);
}

absl::StatusOr<Checkpoint> KernelEvaluator::Start(const TrainingSetup& setup,
                                                  const TensorMap* resumed,
                                                  const Dataset& train) {
  return kernels::StartTraining(setup.plan, setup.recipe, {setup.rung, resumed},
                                setup.trial_key,
                                NormalizationOf(setup.manifest), train);
}

absl::StatusOr<Checkpoint> KernelEvaluator::Replay(const TrainingSetup& setup,
                                                   const Dataset& train,
                                                   const Checkpoint& from) {
  const TensorMap any;  // a replay does not look at what it began with
  return kernels::ReplaySegment(
      setup.plan, setup.recipe, {setup.rung, setup.resumes ? &any : nullptr},
      setup.trial_key, NormalizationOf(setup.manifest), train, from, machine_);
}

absl::Status CheckArithmetic(const kernels::Machine& machine) {
  return kernels::JudgeVectors(
      kernels::ComputeTestVectors(machine),
      "It would find honest trials false, so it examines none");
}

}  // namespace archpool
