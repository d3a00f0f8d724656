// SPDX-License-Identifier: Apache-2.0
// What is kept as trials change is what is reckoned from all of them at once.
#include "server/core/views/running_summary.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/counter_rng.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/leaves/front_builder.h"

namespace archpool {
namespace {

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : rng_(seed, 0) {}

  // Of few networks, accounts and sizes, so that they meet.
  Trial Random(int64_t id) {
    Trial trial;
    trial.id = {id};
    trial.account = {1 + Up(3)};
    trial.subspace = {1 + Up(5)};
    const int64_t network = Up(8);
    trial.architecture_id = Sha256(absl::StrCat(network));
    trial.macs = 10 + network % 4;
    trial.rung = Up(1);
    trial.work_units = 1 + Up(9);
    if (Up(9) == 0) trial.known_from = {77};
    trial.commitment.emplace();
    trial.commitment->commit_time = absl::FromUnixSeconds(Up(20));
    trial.commitment->draw_ppm = 250'000;
    trial.commitment->train_time = absl::Seconds(1 + Up(5));
    Change(trial);
    if (!trial.known_from.IsSet()) return trial;
    trial.state = TrialState::kAccepted;
    Accept(trial);
    return trial;
  }
  void Change(Trial& trial) {
    trial.audit_time += absl::Seconds(Up(2));
    if (trial.known_from.IsSet()) return;
    trial.state = static_cast<TrialState>(Up(5));
    trial.reason =
        trial.state == TrialState::kRejected ? absl::StrCat("R", Up(2)) : "";
    trial.is_at_chance = Up(5) == 0;
    trial.verdict.reset();
    if (HasVerdict(trial.state)) Accept(trial);
    SetSettlement(trial, {.pay = Up(3)});
  }
  int64_t Up(int64_t max) {
    return static_cast<int64_t>(rng_.Below64(static_cast<uint64_t>(max) + 1));
  }

 private:
  void Accept(Trial& trial) {
    Verdict& verdict = VerdictIn(trial);
    verdict.basis = static_cast<TrialBasis>(Up(3));
    verdict.is_matured = Up(1) == 1;
    if (Up(2) > 0) verdict.verified_accuracy_ppm = 500'000 + Up(6) * 10'000;
  }

  CounterRng rng_;
};

std::vector<TrialId> IdsOf(const std::vector<Trial>& trials) {
  std::vector<TrialId> ids;
  for (const Trial& trial : trials) ids.push_back(trial.id);
  return ids;
}

void ExpectSame(const TaskSummary& kept, const TaskSummary& anew) {
  EXPECT_EQ(kept.trials_known, anew.trials_known);
  EXPECT_EQ(kept.trials_assigned, anew.trials_assigned);
  EXPECT_EQ(kept.trials_pending, anew.trials_pending);
  EXPECT_EQ(kept.trials_accepted, anew.trials_accepted);
  EXPECT_EQ(kept.trials_at_chance, anew.trials_at_chance);
  EXPECT_EQ(kept.trials_rejected, anew.trials_rejected);
  EXPECT_EQ(kept.trials_abandoned, anew.trials_abandoned);
  EXPECT_EQ(kept.trials_redundant, anew.trials_redundant);
  EXPECT_EQ(kept.rejected_by_reason, anew.rejected_by_reason);
  EXPECT_EQ(kept.work_units_accepted, anew.work_units_accepted);
  EXPECT_EQ(kept.subspaces_explored, anew.subspaces_explored);
  EXPECT_EQ(kept.training_time, anew.training_time);
  EXPECT_EQ(kept.audit_time, anew.audit_time);
  EXPECT_EQ(kept.front, anew.front);
  EXPECT_EQ(kept.best, anew.best);
  ASSERT_EQ(kept.shares.size(), anew.shares.size());
  for (size_t i = 0; i < kept.shares.size(); ++i) {
    MinerShare share = kept.shares[i];
    // A product in another order.
    EXPECT_NEAR(static_cast<double>(share.detection_ppm),
                static_cast<double>(anew.shares[i].detection_ppm), 1);
    share.detection_ppm = anew.shares[i].detection_ppm;
    EXPECT_EQ(share, anew.shares[i]);
  }
}

TEST(RunningSummaryTest, WhatIsKeptIsWhatIsReckonedAnew) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Mutator random(seed);
    RunningSummary kept;
    std::map<TrialId, Trial> trials;
    for (int step = 0; step < 200; ++step) {
      const int64_t next = std::ssize(trials) + 1;
      const int64_t id = 1 + random.Up(next - 1);
      Trial& trial = trials[TrialId{id}];
      if (trial.id.IsSet()) {
        random.Change(trial);
      } else {
        trial = random.Random(id);
      }
      kept.Put(trial);
      if (random.Up(3) > 0) continue;  // several changes between two looks
      std::vector<Trial> all;
      std::vector<Trial> accepted;
      for (const auto& [of, one] : trials) {
        all.push_back(one);
        if (one.state == TrialState::kAccepted) accepted.push_back(one);
      }
      const TaskSummary shown = kept.Get();
      ExpectSame(shown, Summarize(all));
      EXPECT_EQ(IdsOf(shown.front), IdsOf(FinalistsOf(accepted)))
          << "seed " << seed << ", step " << step;
      if (::testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace archpool
