#include "worker/train/nn_trainer.h"

#include <utility>

#include "common/base/status.h"
#include "common/nn/trial.h"

namespace archpool {
absl::StatusOr<TrainingResult> NnTrainer::Train(
    const TrainingRequest& request, const StepCallback& on_step,
    const CheckpointCallback& on_checkpoint) {
  const nn::Normalization normalization{request.manifest.mean_ppm,
                                        request.manifest.deviation_ppm};
  ARCHPOOL_ASSIGN_OR_RETURN(
      nn::TrainedNetwork trained,
      nn::Train(
          request.plan, request.recipe, {request.rung, request.resumed},
          request.trial_key, normalization, request.train, request.validation,
          [&on_step](const nn::TrainingProgress& progress) {
            return on_step(progress.step, progress.steps);
          },
          on_checkpoint, request.from));
  return TrainingResult{std::move(trained.weights), trained.validation_correct};
}

std::string NnTrainer::arithmetic() const { return nn::HardwareClass(); }

}  // namespace archpool
