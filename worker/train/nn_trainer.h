// Trainer with LibTorch. Thread-compatible.
#ifndef ARCHPOOL_WORKER_TRAIN_NN_TRAINER_H_
#define ARCHPOOL_WORKER_TRAIN_NN_TRAINER_H_

#include <string>

#include "worker/train/trainer.h"

namespace archpool {

class NnTrainer : public Trainer {
 public:
  // REQUIRES: nn::ConfigureRuntime was called.
  NnTrainer() = default;
  absl::StatusOr<TrainingResult> Train(
      const TrainingRequest& request, const StepCallback& on_step,
      const CheckpointCallback& on_checkpoint) override;
  std::string arithmetic() const override;
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_TRAIN_NN_TRAINER_H_
