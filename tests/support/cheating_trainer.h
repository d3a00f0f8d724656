// SPDX-License-Identifier: Apache-2.0
// A miner that cheats in its trainings: what it hands in is well formed, and
// not what was leased. For adversaries and for tests.
#ifndef ARCHPOOL_TESTS_SUPPORT_CHEATING_TRAINER_H_
#define ARCHPOOL_TESTS_SUPPORT_CHEATING_TRAINER_H_

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/train/trainer.h"

namespace archpool::testing {

struct CheatOptions {
  // One of CheatNames().
  std::string cheat = "inflate";
  double inflation = 0.05;    // of "inflate": a share of the validation split
  int64_t honest_trials = 0;  // before it betrays
  std::string arithmetic;     // stated in place of the true one, if not empty
};

// "inflate" overstates its accuracy; "random_weights" trains nothing;
// "fewer_epochs" trains half of them; "interpolate" makes up the checkpoints
// between the ends, "splice" takes every other one from another run;
// "earlier_weights" hands in its first training again; "validation" trains on
// the validation split; "other_seed" trains from another key; "not_finite" ends
// in NaN; "smaller_network" trains the smallest one that it was leased so far;
// "learn_nothing" trains nothing and claims no more than a guess; "diverge"
// says that its training diverged half-way, "diverge_at_once" trains nothing
// and says so of its step 1.
std::vector<std::string> CheatNames();

void AddCheatFlags(CLI::App& app, CheatOptions& options);

class CheatingTrainer : public Trainer {
 public:
  // REQUIRES: options.cheat is one of CheatNames().
  CheatingTrainer(std::unique_ptr<Trainer> honest, const CheatOptions& options)
      : honest_(std::move(honest)), options_(options) {}

  absl::StatusOr<TrainingResult> Train(
      const TrainingRequest& request, const StepCallback& on_step,
      const CheckpointCallback& on_checkpoint) override;
  std::string arithmetic() const override {
    return options_.arithmetic.empty() ? honest_->arithmetic()
                                       : options_.arithmetic;
  }
  absl::Status Check() override { return honest_->Check(); }
  int64_t MemoryBytes(const LayerPlan& plan, const Recipe& recipe,
                      const DatasetManifest& manifest) const override {
    return honest_->MemoryBytes(plan, recipe, manifest);
  }
  LanePlan ChooseLanes(const std::vector<LanePlan>& choices) override {
    return honest_->ChooseLanes(choices);
  }

 private:
  struct Record {
    std::vector<Checkpoint> checkpoints;
    int64_t validation_correct = 0;
    std::optional<int64_t> diverged_at_step = std::nullopt;
  };
  absl::StatusOr<Record> Train(const TrainingRequest& request,
                               const StepCallback& on_step);
  // No more of it than where it begins.
  absl::StatusOr<Record> Start(const TrainingRequest& request,
                               const StepCallback& on_step);
  absl::StatusOr<Record> Cheat(const TrainingRequest& request,
                               const StepCallback& on_step);

  std::unique_ptr<Trainer> honest_;
  const CheatOptions options_;
  int64_t trials_ = 0;
  std::optional<Record> first_;
  std::optional<LayerPlan> smallest_;
};

}  // namespace archpool::testing

#endif  // ARCHPOOL_TESTS_SUPPORT_CHEATING_TRAINER_H_
