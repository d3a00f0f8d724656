// A miner that cheats: trains honestly and overstates what it reached.
#ifndef ARCHPOOL_TESTS_SUPPORT_INFLATING_TRAINER_H_
#define ARCHPOOL_TESTS_SUPPORT_INFLATING_TRAINER_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "worker/train/trainer.h"

namespace archpool::testing {

// Adds `delta` of the validation split to what another trainer counted.
class InflatingTrainer : public Trainer {
 public:
  InflatingTrainer(std::unique_ptr<Trainer> honest, double delta)
      : honest_(std::move(honest)), delta_(delta) {}

  absl::StatusOr<TrainingResult> Train(
      const TrainingRequest& request, const StepCallback& on_step,
      const CheckpointCallback& on_checkpoint) override {
    absl::StatusOr<TrainingResult> result =
        honest_->Train(request, on_step, on_checkpoint);
    if (!result.ok()) return result;
    const int64_t count = request.validation.count();
    const auto extra =
        static_cast<int64_t>(delta_ * static_cast<double>(count));
    result->validation_correct =
        std::min(count, result->validation_correct + extra);
    return result;
  }

  std::string hardware_class() const override {
    return honest_->hardware_class();
  }

 private:
  std::unique_ptr<Trainer> honest_;
  double delta_;
};

}  // namespace archpool::testing

#endif  // ARCHPOOL_TESTS_SUPPORT_INFLATING_TRAINER_H_
