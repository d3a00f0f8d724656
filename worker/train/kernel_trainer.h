// SPDX-License-Identifier: Apache-2.0
// Trainer in the arithmetic of docs/arithmetic.md. Thread-safe.
#ifndef ARCHPOOL_WORKER_TRAIN_KERNEL_TRAINER_H_
#define ARCHPOOL_WORKER_TRAIN_KERNEL_TRAINER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/kernels/simd.h"
#include "worker/train/trainer.h"

namespace archpool {

class KernelTrainer : public Trainer {
 public:
  // `memory_max_bytes`: what a training may take, program and data included;
  // 0: not known, everything is tried.
  KernelTrainer(const kernels::Machine& machine, int64_t memory_max_bytes)
      : machine_(machine), memory_max_bytes_(memory_max_bytes) {}

  // Waits for Check. RESOURCE_EXHAUSTED (TRAINING_OUT_OF_MEMORY): it does not
  // fit; nothing was begun, or memory was had in vain.
  absl::StatusOr<TrainingResult> Train(
      const TrainingRequest& request, const StepCallback& on_step,
      const CheckpointCallback& on_checkpoint) override;
  std::string arithmetic() const override;
  // Computes the test vectors, once. FAILED_PRECONDITION (ARITHMETIC_DIFFERS),
  // with the layers that differ.
  absl::Status Check() override ABSL_LOCKS_EXCLUDED(mutex_);
  int64_t MemoryBytes(const LayerPlan& plan, const Recipe& recipe,
                      const DatasetManifest& manifest) const override;
  LanePlan ChooseLanes(const std::vector<LanePlan>& choices) override;

 private:
  const kernels::Machine machine_;
  const int64_t memory_max_bytes_;
  absl::Mutex mutex_;
  std::optional<absl::Status> checked_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_TRAIN_KERNEL_TRAINER_H_
