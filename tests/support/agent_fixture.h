// SPDX-License-Identifier: Apache-2.0
// An agent over a pool in memory and a trainer that pretends. For
// worker/agent's tests.
#ifndef ARCHPOOL_TESTS_SUPPORT_AGENT_FIXTURE_H_
#define ARCHPOOL_TESTS_SUPPORT_AGENT_FIXTURE_H_

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/fake_network.h"
#include "tests/support/fake_pool.h"
#include "tests/support/work_samples.h"
#include "worker/agent/agent.h"

namespace archpool {

inline const RetryPolicy kQuick = {.pause_min = absl::Milliseconds(1),
                                   .pause_max = absl::Milliseconds(4)};

// Trains as FakeTrainer, at once, and lets a test step in.
class ScriptedTrainer : public testing::FakeTrainer {
 public:
  ScriptedTrainer() : FakeTrainer(4, absl::ZeroDuration()) {}
  absl::StatusOr<TrainingResult> Train(
      const TrainingRequest& request, const StepCallback& on_step,
      const CheckpointCallback& on_checkpoint) override {
    ++trainings;
    threads.push_back(request.threads);
    went_on_from.push_back(request.from == nullptr ? 0
                                                   : request.from->boundary);
    if (!refusal.ok()) return refusal;
    if (before_training) before_training(on_step);
    absl::StatusOr<TrainingResult> result = FakeTrainer::Train(
        request, on_step, [&](const Checkpoint& checkpoint) -> absl::Status {
          if (checkpoint.boundary == crash_at) {
            return absl::AbortedError("crash");
          }
          if (hides_checkpoints) return absl::OkStatus();
          return on_checkpoint(checkpoint);
        });
    if (result.ok()) result->diverged_at_step = diverges_at;
    return result;
  }

  int trainings = 0;
  int64_t crash_at = -1;  // a boundary
  bool hides_checkpoints = false;
  std::optional<int64_t> diverges_at;
  std::vector<int64_t> went_on_from;
  std::vector<int64_t> threads;  // that each was given
  absl::Status refusal;
  std::function<void(const StepCallback&)> before_training;
};

class AgentTest : public ::testing::Test {
 protected:
  AgentTest() : pool_(dataset_) {
    pool_.on_idle = [this] { stop_.request_stop(); };
  }
  void SetUp() override { directory_ = testing::MakeTempDirectory(); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // Runs an agent until the pool is idle, or until a test stops it.
  absl::Status Run() {
    absl::StatusOr<std::unique_ptr<TrialJournal>> journal =
        TrialJournal::Open(directory_ + "/trials");
    EXPECT_TRUE(journal.ok()) << journal.status();
    TrainingDataCache data(pool_, BlobCache(directory_ + "/blobs", 1 << 20));
    Places places;
    places.Open(lanes_, threads_);
    AgentOptions options;
    options.only_finishes = only_finishes_;
    options.idle_pause = absl::Milliseconds(1);
    options.retry = kQuick;
    RungWeightsCache rung_weights(
        pool_, BlobCache(directory_ + "/rung-weights", 1 << 20));
    const auto vault =
        CheckpointVault::Open(directory_ + "/training", vault_bytes_);
    EXPECT_TRUE(vault.ok()) << vault.status();
    const auto attempts = AttemptLog::Load(directory_ + "/attempts.json");
    Agent agent(pool_, trainer_, data, rung_weights, **vault, **journal,
                *attempts, places, options);
    return agent.Run(stop_.get_token());
  }

  // A lease on trial 2, which continues from trial 1's weights.
  wire::WorkLease SecondRung(const Digest& weights, int64_t size_bytes) {
    wire::WorkLease lease = testing::SampleLease(dataset_, 2, 2, 1);
    lease.recipe.further_epochs = {2};
    wire::WorkAssignment& assignment = lease.assignments[0];
    assignment.rung = 1;
    assignment.resumes = TrialId{1};
    assignment.initial_weights = weights;
    assignment.initial_weights_size_bytes = size_bytes;
    return lease;
  }
  std::vector<int64_t> ReportedTrials() {
    std::vector<int64_t> trials;
    for (const auto& [trial, report] : pool_.reports) trials.push_back(trial);
    return trials;
  }
  std::vector<JournalEntry> JournalLeft() {
    return (*TrialJournal::Open(directory_ + "/trials"))->Entries();
  }

  testing::SampleDataset dataset_;
  FakePool pool_;
  ScriptedTrainer trainer_;
  std::stop_source stop_;
  std::string directory_;
  int64_t vault_bytes_ = 1 << 20;
  bool only_finishes_ = false;
  LanePlan lanes_;
  int64_t threads_ = 1;
};

// The opening must be the commitment's, and its files must have come.
inline void ExpectAnswered(const FakePool& pool, int64_t trial,
                           int64_t segment) {
  ASSERT_TRUE(pool.openings.contains(trial));
  const Opening& opening = pool.openings.at(trial);
  EXPECT_TRUE(
      IsOpening(pool.reports.at(trial).checkpoint_root, 16, segment, opening));
  if (segment == 0) return;
  EXPECT_TRUE(pool.checkpoints_sent.at(trial).contains(opening.begin.weights));
  EXPECT_TRUE(
      pool.checkpoints_sent.at(trial).contains(opening.begin.optimizer));
}

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_AGENT_FIXTURE_H_
