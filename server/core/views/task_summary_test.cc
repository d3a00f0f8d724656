// SPDX-License-Identifier: Apache-2.0
#include "server/core/views/task_summary.h"

#include <optional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

Trial MakeTrial(int64_t id, TrialState state,
                std::optional<int64_t> accuracy_ppm, int64_t macs) {
  Trial trial;
  trial.id = {id};
  trial.account = {id % 2};
  trial.subspace = {1};
  trial.architecture_id = Sha256(trial.id.ToString());
  trial.state = state;
  if (state != TrialState::kAssigned && state != TrialState::kAbandoned) {
    trial.commitment.emplace();
  }
  if (HasVerdict(state)) {
    VerdictIn(trial).verified_accuracy_ppm = accuracy_ppm;
  }
  trial.macs = macs;
  trial.work_units = 10;
  return trial;
}

TEST(TaskSummaryTest, NothingYet) {
  const TaskSummary summary = Summarize({});
  EXPECT_FALSE(summary.best.has_value());
  EXPECT_THAT(summary.front, IsEmpty());
}

TEST(TaskSummaryTest, CountsEveryStateAndReason) {
  std::vector<Trial> trials = {
      MakeTrial(1, TrialState::kAssigned, std::nullopt, 1),
      MakeTrial(2, TrialState::kCommitted, std::nullopt, 1),
      MakeTrial(3, TrialState::kUploaded, std::nullopt, 1),
      MakeTrial(4, TrialState::kAccepted, 900'000, 50),
      MakeTrial(5, TrialState::kRejected, std::nullopt, 1),
      MakeTrial(6, TrialState::kAbandoned, std::nullopt, 1),
  };
  trials[4].reason = "CLAIM_FALSE";
  SetSettlement(trials[3], {.pay = 7});
  const TaskSummary summary = Summarize(trials);
  EXPECT_EQ(summary.trials_assigned, 1);
  EXPECT_EQ(summary.trials_pending, 2);
  EXPECT_EQ(summary.trials_accepted, 1);
  EXPECT_EQ(summary.trials_rejected, 1);
  EXPECT_EQ(summary.trials_abandoned, 1);
  EXPECT_EQ(summary.work_units_accepted, 10);
  EXPECT_EQ(summary.subspaces_explored, 1);
  EXPECT_THAT(summary.rejected_by_reason, ElementsAre(Pair("CLAIM_FALSE", 1)));
  EXPECT_THAT(summary.shares, ElementsAre(MinerShare{{0}, 1, 0, 10, 7},
                                          MinerShare{{1}, 0, 1, 0, 0}));
}

TEST(TaskSummaryTest, CountsTrainingsThatDiverged) {
  std::vector<Trial> trials = {
      MakeTrial(1, TrialState::kAccepted, std::nullopt, 1),
      MakeTrial(2, TrialState::kAccepted, 900'000, 1),
      MakeTrial(3, TrialState::kRejected, std::nullopt, 1),
  };
  for (Trial* const trial : {&trials[0], &trials[2]}) {
    trial->is_at_chance = true;
    trial->commitment->diverged_at_step = 5;
  }
  const TaskSummary summary = Summarize(trials);
  EXPECT_EQ(summary.trials_at_chance, 1);
  EXPECT_EQ(summary.trials_diverged, 1);
}

TEST(TaskSummaryTest, OfOneNetworkTheFirstCommittedCounts) {
  std::vector<Trial> trials = {
      MakeTrial(1, TrialState::kAccepted, 950'000, 50),
      MakeTrial(2, TrialState::kAccepted, 900'000, 50)};
  trials[0].architecture_id = trials[1].architecture_id;
  trials[0].commitment->commit_time = absl::FromUnixSeconds(2);
  trials[1].commitment->commit_time = absl::FromUnixSeconds(1);
  const TaskSummary summary = Summarize(trials);
  EXPECT_EQ(summary.best->id, TrialId{2});
  EXPECT_EQ(summary.front.size(), 1u);
  EXPECT_EQ(summary.trials_redundant, 1);
  EXPECT_EQ(summary.work_units_accepted, 20) << "work is work";
}

// The rejected one would win by its number: it must not.
TEST(TaskSummaryTest, BestAndFrontAreAcceptedAlone) {
  const TaskSummary summary = Summarize(
      std::vector<Trial>{MakeTrial(1, TrialState::kAccepted, 900'000, 50),
                         MakeTrial(2, TrialState::kAccepted, 900'000, 40),
                         MakeTrial(3, TrialState::kAccepted, 880'000, 10),
                         MakeTrial(4, TrialState::kAccepted, 870'000, 20),
                         MakeTrial(5, TrialState::kRejected, 990'000, 1)});
  EXPECT_EQ(summary.best->id, TrialId{2});
  ASSERT_EQ(summary.front.size(), 2u);
  EXPECT_EQ(summary.front[0].id, TrialId{3});
  EXPECT_EQ(summary.front[1].id, TrialId{2});
}

}  // namespace
}  // namespace archpool
