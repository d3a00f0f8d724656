// SPDX-License-Identifier: Apache-2.0
// Training and evaluation without LibTorch, for tests of everything around
// them. A fake network's accuracy is a fixed function of its plan and its trial
// key, rises with its size, and is written into its weights, where the fake
// evaluator finds it: honest fakes agree exactly.
#ifndef ARCHPOOL_TESTS_SUPPORT_FAKE_NETWORK_H_
#define ARCHPOOL_TESTS_SUPPORT_FAKE_NETWORK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/model/arithmetic.h"
#include "verifier/evaluator.h"
#include "worker/train/trainer.h"

namespace archpool::testing {

// In [0, 1): 0.60 to 0.95 by size, plus up to a hundredth by key.
float FakeAccuracy(const LayerPlan& plan, const Digest& trial_key);

// A fake training: its start (`below`: the accuracy that it continues from; -1:
// none), and the checkpoint that follows.
Checkpoint FakeStart(const LayerPlan& plan, int64_t rung,
                     const Digest& trial_key, float below);
Checkpoint FakeNext(const Digest& trial_key, uint64_t salt,
                    const Checkpoint& from);
// What else decides a fake training: the epochs, and the examples' number and
// first pixel.
uint64_t FakeSalt(const Recipe& recipe, int64_t examples, uint8_t pixel);

// Of fake workers with 1 to 16 threads.
std::vector<std::string> FakeClasses();

class FakeTrainer : public Trainer {
 public:
  // Takes `step_time` for each of `steps` steps.
  FakeTrainer(int64_t steps, absl::Duration step_time)
      : steps_(steps), step_time_(step_time) {}
  absl::StatusOr<TrainingResult> Train(
      const TrainingRequest& request, const StepCallback& on_step,
      const CheckpointCallback& on_checkpoint) override;
  std::string arithmetic() const override { return std::string(kArithmetic); }

 private:
  int64_t steps_;
  absl::Duration step_time_;
};

class FakeEvaluator : public Evaluator {
 public:
  std::vector<std::string> arithmetics() const override {
    return FakeClasses();
  }
  absl::StatusOr<Checkpoint> Start(const TrainingSetup& setup,
                                   const TensorMap* resumed,
                                   const Dataset& train) override;
  absl::StatusOr<Checkpoint> Replay(const TrainingSetup& setup,
                                    const Dataset& train,
                                    const Checkpoint& from) override;
  // INVALID_ARGUMENT (WEIGHTS_MISMATCH): not a fake trainer's weights.
  absl::StatusOr<int64_t> CountCorrect(const LayerPlan& plan,
                                       const TensorMap& weights,
                                       const DatasetManifest& manifest,
                                       const Dataset& dataset) override;
};

}  // namespace archpool::testing

#endif  // ARCHPOOL_TESTS_SUPPORT_FAKE_NETWORK_H_
