#include "verifier/nn_evaluator.h"

#include "absl/strings/str_cat.h"
#include "common/nn/trial.h"

namespace archpool {

std::vector<std::string> NnEvaluator::arithmetics() const {
  return {absl::StrCat(nn::HardwareClass(), "/", threads_)};
}

absl::StatusOr<int64_t> NnEvaluator::CountCorrect(
    const LayerPlan& plan, const TensorMap& weights,
    const DatasetManifest& manifest, const Dataset& dataset) {
  return nn::CountCorrect(plan, weights,
                          {manifest.mean_ppm, manifest.deviation_ppm}, dataset);
}

absl::StatusOr<Checkpoint> NnEvaluator::Start(const TrainingSetup& setup,
                                              const TensorMap* resumed,
                                              const Dataset& train) {
  return nn::StartTraining(
      setup.plan, setup.recipe, {setup.rung, resumed}, setup.trial_key,
      {setup.manifest.mean_ppm, setup.manifest.deviation_ppm}, train);
}

absl::StatusOr<Checkpoint> NnEvaluator::Replay(const TrainingSetup& setup,
                                               const Dataset& train,
                                               const Checkpoint& from) {
  const TensorMap any;  // a replay does not look at what it began with
  return nn::ReplaySegment(
      setup.plan, setup.recipe, {setup.rung, setup.resumes ? &any : nullptr},
      setup.trial_key, {setup.manifest.mean_ppm, setup.manifest.deviation_ppm},
      train, from);
}

}  // namespace archpool
