// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/trial_tally.h"

#include "gtest/gtest.h"

namespace archpool {
namespace {

// Of ten classes: 129 right of 1'000 are more than a guess.
constexpr DatasetManifest kManifest{
    .classes = 10, .validation_count = 1'000, .held_out_count = 1'000};
constexpr AccountId kAlice{1};
constexpr AccountId kBob{2};

Trial Of(AccountId account, TrialState state, WorkUnits units) {
  Trial trial;
  trial.id = {7};
  trial.account = account;
  trial.state = state;
  trial.work_units = units;
  if (state != TrialState::kAssigned && state != TrialState::kAbandoned) {
    trial.commitment = Commitment();
    trial.commitment->commit_time = absl::FromUnixSeconds(5);
  }
  return trial;
}

TEST(TrialTallyTest, WhatIsUnderWayIsReservedAndWhatIsAcceptedIsSpent) {
  TrialTally tally;
  tally.Count(Of(kAlice, TrialState::kAssigned, 10), kManifest, 1);
  tally.Count(Of(kBob, TrialState::kCommitted, 20), kManifest, 1);
  tally.Count(Of(kBob, TrialState::kUploaded, 30), kManifest, 1);
  tally.Count(Of(kAlice, TrialState::kAccepted, 40), kManifest, 1);
  tally.Count(Of(kAlice, TrialState::kAbandoned, 50), kManifest, 1);
  EXPECT_EQ(tally.assigned, 1);
  EXPECT_EQ(tally.pending, 2);
  EXPECT_EQ(tally.accepted, 1);
  EXPECT_EQ(tally.reserved_units, 60);
  EXPECT_EQ(tally.reserved_units_by.at(kBob), 50);
  EXPECT_EQ(tally.accepted_units, 40);
}

TEST(TrialTallyTest, WhatWasPaidInVainIsSpentToo) {
  TrialTally tally;
  Trial trial = Of(kAlice, TrialState::kRejected, 40);
  tally.Count(trial, kManifest, 1);
  EXPECT_EQ(tally.accepted_units, 0);
  tally.Count(trial, kManifest, -1);
  SetSettlement(trial, {.pay = 1});
  tally.Count(trial, kManifest, 1);
  EXPECT_EQ(tally.accepted_units, 40);
}

TEST(TrialTallyTest, CreditIsImmatureInTheOrderOfCommitments) {
  TrialTally tally;
  Trial later = Of(kAlice, TrialState::kAccepted, 1);
  Trial earlier = Of(kAlice, TrialState::kCommitted, 1);
  earlier.id = {9};
  earlier.commitment->commit_time = absl::FromUnixSeconds(4);
  tally.Count(later, kManifest, 1);
  tally.Count(earlier, kManifest, 1);
  ASSERT_EQ(tally.immature.at(kAlice).size(), 2);
  EXPECT_EQ(tally.immature.at(kAlice).begin()->second, earlier.id);
  tally.Count(later, kManifest, -1);
  VerdictIn(later).is_matured = true;
  tally.Count(later, kManifest, 1);
  EXPECT_EQ(tally.immature.at(kAlice).size(), 1);
}

TEST(TrialTallyTest, LearningShowsOnTheHeldOutSplitToo) {
  TrialTally tally;
  Trial trial = Of(kAlice, TrialState::kAccepted, 1);
  const auto recount = [&](const auto& change) {
    tally.Count(trial, kManifest, -1);
    change();
    tally.Count(trial, kManifest, 1);
  };
  tally.Count(trial, kManifest, 1);
  EXPECT_EQ(tally.above_chance, 1);
  EXPECT_EQ(tally.learnt, 0) << "nobody measured it";
  recount([&] { trial.measured = Measured{500, 128}; });
  EXPECT_EQ(tally.learnt, 0);
  recount([&] { trial.measured = Measured{500, 129}; });
  EXPECT_EQ(tally.learnt, 1);
  recount([&] { trial.is_at_chance = true; });
  EXPECT_EQ(tally.above_chance, 0);
  EXPECT_EQ(tally.learnt, 0);
  EXPECT_EQ(tally.at_chance_by.at(kAlice), 1);
}

TEST(TrialTallyTest, KnownResultsCountAsResultsAlone) {
  TrialTally tally;
  Trial known = Of(kAlice, TrialState::kAccepted, 40);
  known.known_from = {3};
  tally.Count(known, kManifest, 1);
  EXPECT_EQ(tally.above_chance, 1);
  EXPECT_EQ(tally.learnt, 1);
  EXPECT_EQ(tally.accepted, 0);
  EXPECT_EQ(tally.accepted_units, 0);
  EXPECT_TRUE(tally.immature.empty());
}

TEST(TrialTallyTest, WhatIsCountedOffLeavesNothing) {
  TrialTally tally;
  for (const TrialState state :
       {TrialState::kAssigned, TrialState::kCommitted, TrialState::kUploaded,
        TrialState::kAccepted, TrialState::kRejected, TrialState::kAbandoned}) {
    Trial trial = Of(kBob, state, 3);
    trial.is_at_chance = true;
    tally.Count(trial, kManifest, 1);
    tally.Count(trial, kManifest, -1);
  }
  EXPECT_EQ(tally.assigned + tally.pending + tally.accepted, 0);
  EXPECT_EQ(tally.reserved_units + tally.accepted_units, 0);
  EXPECT_EQ(tally.pending_at_chance + tally.at_chance, 0);
  EXPECT_TRUE(tally.reserved_units_by.empty());
  EXPECT_TRUE(tally.immature.empty());
}

}  // namespace
}  // namespace archpool
