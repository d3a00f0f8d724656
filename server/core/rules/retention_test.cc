// SPDX-License-Identifier: Apache-2.0
#include "server/core/rules/retention.h"

#include "gtest/gtest.h"

namespace archpool {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);
const absl::Time kNow = absl::UnixEpoch() + 1'000 * kDay;
const RetentionPolicy kPolicy{.cut_files = kDay,
                              .uncut_files = 30 * kDay,
                              .unused_datasets = 20 * kDay,
                              .results = 100 * kDay,
                              .other_weights = 7 * kDay};

bool Over(const StoredFile& file) { return IsOver(kPolicy, file, kNow); }
bool Over(const DatasetClaim& claim) { return IsOver(kPolicy, claim, kNow); }
bool Over(const WeightsClaim& claim) { return IsOver(kPolicy, claim, kNow); }

TEST(RetentionTest, AFileGoesAfterItIsCutOrWhenNothingIsMadeOfIt) {
  StoredFile file{.create_time = kNow - 2 * kDay};
  EXPECT_FALSE(Over(file));
  file.cut_time = kNow - kDay + absl::Microseconds(1);
  EXPECT_FALSE(Over(file));
  file.cut_time = kNow - kDay;
  EXPECT_TRUE(Over(file));
  file = {.create_time = kNow - 30 * kDay};
  EXPECT_TRUE(Over(file));
}

TEST(RetentionTest, AFileThatWasCutIsKeptAfterTheCutHoweverOldItWas) {
  StoredFile file{.create_time = kNow - 30 * kDay, .cut_time = kNow};
  EXPECT_FALSE(Over(file)) << "it was cut on the last of its days";
  RetentionPolicy policy = kPolicy;
  policy.cut_files = absl::InfiniteDuration();
  file.create_time = kNow - 900 * kDay;
  file.cut_time = file.create_time;
  EXPECT_FALSE(IsOver(policy, file, kNow)) << "cut files are kept for good";
}

TEST(RetentionTest, ADatasetGoesWhenItIsLongUnused) {
  DatasetClaim claim;
  EXPECT_FALSE(Over(claim)) << "nobody noted when it was last used";
  claim.dataset.register_time = kNow - 20 * kDay;
  EXPECT_TRUE(Over(claim));
  claim.last_end_time = kNow - 19 * kDay;
  EXPECT_FALSE(Over(claim)) << "its last task ended later";
  claim.last_end_time = kNow - 900 * kDay;
  EXPECT_TRUE(Over(claim));
  claim.dataset.register_time = kNow;
  EXPECT_FALSE(Over(claim)) << "it was registered again";
  claim = {.last_end_time = kNow - 20 * kDay};
  EXPECT_TRUE(Over(claim));
  claim.has_open_task = true;
  EXPECT_FALSE(Over(claim));
  claim = {};
  claim.dataset.drop_time = kNow;
  EXPECT_TRUE(Over(claim));
}

TEST(RetentionTest, WeightsStayWhileTheirTaskIsOpenAndForAWhile) {
  for (const TrialState state :
       {TrialState::kCommitted, TrialState::kUploaded, TrialState::kAccepted,
        TrialState::kRejected}) {
    EXPECT_FALSE(Over(WeightsClaim{.state = state}));
  }
  WeightsClaim result{.state = TrialState::kAccepted,
                      .task_end_time = kNow - 99 * kDay};
  EXPECT_FALSE(Over(result));
  result.task_end_time = kNow - 100 * kDay;
  EXPECT_TRUE(Over(result));
  WeightsClaim other{.state = TrialState::kRejected,
                     .task_end_time = kNow - 6 * kDay};
  EXPECT_FALSE(Over(other));
  other.task_end_time = kNow - 7 * kDay;
  EXPECT_TRUE(Over(other));
}

TEST(RetentionTest, ForeverIsForever) {
  RetentionPolicy policy;
  policy.results = absl::InfiniteDuration();
  policy.uncut_files = absl::InfiniteDuration();
  EXPECT_FALSE(IsOver(policy,
                      WeightsClaim{.state = TrialState::kAccepted,
                                   .task_end_time = absl::UnixEpoch()},
                      kNow));
  EXPECT_FALSE(
      IsOver(policy, StoredFile{.create_time = absl::UnixEpoch()}, kNow));
}

// A known result has the weights of another trial: they go with the last.
TEST(RetentionTest, WhatOneNeedsIsWanted) {
  BlobClaims claims;
  EXPECT_TRUE(HasEnded(kPolicy, claims, kNow)) << "nothing names it";
  claims.trials = {
      {.state = TrialState::kAccepted, .task_end_time = kNow - 100 * kDay},
      {.state = TrialState::kAccepted}};
  claims.weights = {StoredWeights{.size_bytes = 1}};
  EXPECT_TRUE(IsWantedByTrials(kPolicy, claims, kNow));
  EXPECT_FALSE(HasEnded(kPolicy, claims, kNow));
  claims.trials.pop_back();
  EXPECT_FALSE(IsWantedByTrials(kPolicy, claims, kNow));
  EXPECT_TRUE(HasEnded(kPolicy, claims, kNow));
  // What is over of one is ended, though another needs the bytes.
  claims.files = {StoredFile{.create_time = kNow}};
  EXPECT_TRUE(HasEnded(kPolicy, claims, kNow));
  claims.weights.clear();
  EXPECT_FALSE(HasEnded(kPolicy, claims, kNow));
}

}  // namespace
}  // namespace archpool
