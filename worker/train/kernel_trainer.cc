#include "worker/train/kernel_trainer.h"

#include <spdlog/spdlog.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/countdown.h"
#include "common/base/status.h"
#include "common/kernels/self_check.h"
#include "common/kernels/training.h"
#include "common/model/arithmetic.h"
#include "worker/train/machine_check.h"
#include "worker/train/speed.h"

namespace archpool {
namespace {

// The program, its calls and its buffers beside a training.
constexpr int64_t kProgramBytes = int64_t{48} << 20;
// Of each measurement at the start.
constexpr absl::Duration kMeasured = absl::Milliseconds(400);

int64_t BytesOf(const Dataset& data) {
  return static_cast<int64_t>(data.images.size() + data.labels.size());
}

// Runs the kernels' own word for a want of memory ahead of it.
absl::Status CheckMemory(const TrainingRequest& request,
                         int64_t memory_max_bytes) {
  if (memory_max_bytes == 0) return absl::OkStatus();
  const int64_t needed =
      kProgramBytes + BytesOf(request.train) + BytesOf(request.validation) +
      kernels::TrainingBytes(request.plan, request.recipe.batch_size);
  if (needed <= memory_max_bytes) return absl::OkStatus();
  return ResourceExhausted(
      "TRAINING_OUT_OF_MEMORY",
      absl::StrCat("training this network takes ", needed >> 20,
                   " MiB, program and data included, and ",
                   memory_max_bytes >> 20,
                   " MiB are this worker's (--memory-mib)"));
}

// Whether trainings are done faster by more threads each or one beside the
// other differs from machine to machine.
void SayWhatThreadsAreGoodFor(const kernels::Machine& machine,
                              int64_t memory_max_bytes) {
  if (machine.threads == 1) return;
  if (memory_max_bytes > 0 &&
      kProgramBytes + SideBySideBytes(machine.threads) > memory_max_bytes) {
    spdlog::info(
        "{} trainings side by side are not measured: they take more memory "
        "than this worker has (--memory-mib)",
        machine.threads);
    return;
  }
  kernels::Machine alone = machine;
  alone.threads = 1;
  const double one = ImagesPerSecond(alone, kMeasured);
  const double threaded = ImagesPerSecond(machine, kMeasured);
  const double beside =
      ImagesPerSecondSideBySide(alone, machine.threads, kMeasured);
  spdlog::info(
      "measured on a small network: {:.0f} images/s by one thread, {:.0f} by "
      "{} threads of one training, {:.0f} by {} trainings side by side; {}",
      one, threaded, machine.threads, beside, machine.threads,
      threaded >= beside
          ? "this machine is filled best as it is"
          : "workers of one thread each would fill this machine better");
}

}  // namespace

absl::StatusOr<TrainingResult> KernelTrainer::Train(
    const TrainingRequest& request, const StepCallback& on_step,
    const CheckpointCallback& on_checkpoint) {
  ARCHPOOL_RETURN_IF_ERROR(Check());
  ARCHPOOL_RETURN_IF_ERROR(CheckMemory(request, memory_max_bytes_));
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
          on_checkpoint, request.from, machine_));
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
  spdlog::info(
      "this machine computes as {} says: {} test vectors in {}, with {} and {} "
      "{}",
      arithmetic(), vectors.size(),
      absl::FormatDuration(absl::Trunc(watch.elapsed(), absl::Milliseconds(1))),
      kernels::ToString(machine_.simd), machine_.threads,
      machine_.threads == 1 ? "thread" : "threads");
  SayWhatThreadsAreGoodFor(machine_, memory_max_bytes_);
  return *checked_;
}

}  // namespace archpool
