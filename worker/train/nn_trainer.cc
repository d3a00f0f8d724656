#include "worker/train/nn_trainer.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/nn/trial.h"

namespace archpool {
namespace {

// As LibTorch chooses its kernels: what the processor has, unless the
// environment asks for less.
std::string InstructionSet() {
  const char* forced = std::getenv("ATEN_CPU_CAPABILITY");
  if (forced != nullptr && *forced != '\0') return forced;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return "avx512";
  if (__builtin_cpu_supports("avx2")) return "avx2";
#endif
  return "default";
}

}  // namespace

absl::StatusOr<TrainingResult> NnTrainer::Train(const TrainingRequest& request,
                                                const StepCallback& on_step) {
  const nn::Normalization normalization{request.manifest.mean_ppm,
                                        request.manifest.deviation_ppm};
  ARCHPOOL_ASSIGN_OR_RETURN(
      nn::TrainedNetwork trained,
      nn::Train(request.plan, request.recipe, {request.rung, request.resumed},
                request.trial_key, normalization, request.train,
                request.validation,
                [&on_step](const nn::TrainingProgress& progress) {
                  return on_step(progress.step, progress.steps);
                }));
  return TrainingResult{std::move(trained.weights), trained.validation_correct};
}

std::string NnTrainer::hardware_class() const {
  return absl::StrCat(nn::LibraryVersion(), "/", InstructionSet());
}

}  // namespace archpool
