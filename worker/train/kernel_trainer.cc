// SPDX-License-Identifier: Apache-2.0
#include "worker/train/kernel_trainer.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/countdown.h"
#include "common/base/status.h"
#include "common/kernels/self_check.h"
#include "common/kernels/training.h"
#include "common/log/log.h"
#include "common/model/arithmetic.h"
#include "worker/train/machine_check.h"
#include "worker/train/speed.h"

namespace archpool {
namespace {

// How long each measurement at the start takes.
constexpr absl::Duration kMeasured = absl::Milliseconds(250);
// Where there are more threads than processors a measurement takes longer, and
// nothing waits for another one.
constexpr absl::Duration kMeasuringMax = absl::Seconds(2);

// Runs the kernels' own word for a want of memory ahead of it.
absl::Status CheckMemory(int64_t needed, int64_t memory_max_bytes) {
  if (memory_max_bytes == 0) return absl::OkStatus();
  if (needed <= memory_max_bytes) return absl::OkStatus();
  return ResourceExhausted(
      "TRAINING_OUT_OF_MEMORY",
      absl::StrCat("training this network takes ", needed >> 20,
                   " MiB, program and data included, and ",
                   memory_max_bytes >> 20,
                   " MiB are this worker's (--memory-mib)"));
}

}  // namespace

absl::StatusOr<TrainingResult> KernelTrainer::Train(
    const TrainingRequest& request, const StepCallback& on_step,
    const CheckpointCallback& on_checkpoint) {
  ARCHPOOL_RETURN_IF_ERROR(Check());
  ARCHPOOL_RETURN_IF_ERROR(
      CheckMemory(MemoryBytes(request.plan, request.recipe, request.manifest),
                  memory_max_bytes_));
  kernels::Machine machine = machine_;
  if (request.threads > 0) machine.threads = static_cast<int>(request.threads);
  const kernels::Normalization normalization{request.manifest.mean_ppm,
                                             request.manifest.deviation_ppm};
  ARCHPOOL_ASSIGN_OR_RETURN(
      kernels::TrainedNetwork trained,
      kernels::Train(
          request.plan, request.recipe, {request.rung, request.resumed},
          request.trial_key, normalization, request.train, request.validation,
          [&on_step](const kernels::TrainingProgress& progress) {
            return on_step(progress.step, progress.steps);
          },
          on_checkpoint, request.from, machine));
  return TrainingResult{std::move(trained.weights), trained.validation_correct,
                        trained.diverged_at_step};
}

std::string KernelTrainer::arithmetic() const {
  return std::string(kArithmetic);
}

absl::Status KernelTrainer::Check() {
  const absl::MutexLock lock(&mutex_);
  if (checked_.has_value()) return *checked_;
  const Stopwatch watch;
  const std::vector<kernels::TestVector> vectors =
      kernels::ComputeTestVectors(machine_);
  checked_ = JudgeVectors(vectors);
  if (!checked_->ok()) return *checked_;
  LogInfo("arithmetic_checked",
          "this machine computes what its arithmetic specifies",
          {{"arithmetic", arithmetic()},
           {"test_vectors", vectors.size()},
           {"took_s", watch.elapsed()},
           {"simd", kernels::ToString(machine_.simd)},
           {"threads", machine_.threads}});
  return *checked_;
}

int64_t KernelTrainer::MemoryBytes(const LayerPlan& plan, const Recipe& recipe,
                                   const DatasetManifest& manifest) const {
  return kProgramBytes +
         (manifest.train_count + manifest.validation_count) *
             (manifest.shape.elements() + 1) +
         kernels::TrainingBytes(plan, recipe.batch_size);
}

LanePlan KernelTrainer::ChooseLanes(const std::vector<LanePlan>& choices) {
  if (choices.size() == 1) return choices.front();
  const Stopwatch watch;
  std::vector<LanePlan> measured;
  std::vector<double> rates;
  for (const LanePlan& choice : choices) {
    if (watch.elapsed() > kMeasuringMax) break;
    measured.push_back(choice);
    rates.push_back(ImagesPerSecond(machine_, choice, kMeasured));
    LogInfo("lanes_measured", "measured trainings of a small network",
            {{"lanes", choice.lanes},
             {"threads_per_lane", choice.threads},
             {"images_per_s", std::llround(rates.back())}});
  }
  const LanePlan best = measured[FillsBest(measured, rates)];
  LogInfo("lanes_chosen", "these lanes fill this machine best",
          {{"lanes", best.lanes}, {"threads_per_lane", best.threads}});
  return best;
}

}  // namespace archpool
