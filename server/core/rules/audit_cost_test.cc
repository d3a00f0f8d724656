// SPDX-License-Identifier: Apache-2.0
#include "server/core/rules/audit_cost.h"

#include <gtest/gtest.h>

namespace archpool {
namespace {

class AuditCostTest : public ::testing::Test {
 protected:
  AuditCostTest() {
    spec_.recipe.segments = 10;
    spec_.recipe.epochs = 2;
    manifest_.train_count = 1'000;
    manifest_.validation_count = 100;
    manifest_.held_out_count = 300;
    trial_.work_units = 1'000'000;
  }
  AuditCost Cost(AuditKind kind) const {
    return CostOf(spec_, manifest_, trial_, kind);
  }

  TaskSpec spec_;
  DatasetManifest manifest_;
  Trial trial_;
};

TEST_F(AuditCostTest, EachKindReplaysItsPartAndAllEvaluate) {
  EXPECT_EQ(Cost(AuditKind::kSegment).replay, 100'000);
  EXPECT_EQ(Cost(AuditKind::kWhole).replay, 1'000'000);
  EXPECT_EQ(Cost(AuditKind::kEvaluation).replay, 0);
  for (const AuditKind kind :
       {AuditKind::kSegment, AuditKind::kWhole, AuditKind::kEvaluation}) {
    // 400 examples where 2,000 were trained on.
    EXPECT_EQ(Cost(kind).evaluation, 200'000);
  }
}

TEST_F(AuditCostTest, ASegmentIsReplayedAndItsClaimTestedOrMeasured) {
  EXPECT_EQ(SegmentUnits(spec_, manifest_, trial_, true), 300'000);
  EXPECT_EQ(SegmentUnits(spec_, manifest_, trial_, false), 300'000)
      << "a test looks at no more examples than there are";
  manifest_.held_out_count = 9'900;
  EXPECT_EQ(SegmentUnits(spec_, manifest_, trial_, true), 5'100'000);
  EXPECT_EQ(SegmentUnits(spec_, manifest_, trial_, false), 1'100'000)
      << "2,000 of 10,000";
}

TEST_F(AuditCostTest, WhatWasExaminedFollowsFromTheRecord) {
  const auto examined = [&] { return ExaminedUnits(spec_, manifest_, trial_); };
  manifest_.held_out_count = 9'900;
  EXPECT_EQ(examined(), 0) << "nothing is committed";
  trial_.state = TrialState::kAccepted;
  trial_.commitment.emplace();
  VerdictIn(trial_).basis = TrialBasis::kSampledOut;
  EXPECT_EQ(examined(), 0);
  VerdictIn(trial_).basis = TrialBasis::kAudited;
  trial_.measured = Measured{50, 50};
  EXPECT_EQ(examined(), 5'100'000) << "asked for at its task's end";
  trial_.commitment->draw_ppm = kTestedPpm;
  EXPECT_EQ(examined(), 6'200'000) << "asked for again then";
  VerdictIn(trial_).basis = TrialBasis::kReplayed;
  EXPECT_EQ(examined(), 6'000'000);
  trial_.known_from = TrialId{3};
  EXPECT_EQ(examined(), 0) << "an earlier task's";
}

TEST_F(AuditCostTest, WhatIsDrawnCountsAtOnce) {
  manifest_.held_out_count = 9'900;
  trial_.state = TrialState::kCommitted;
  trial_.commitment.emplace().draw_ppm = kMeasuredPpm;
  EXPECT_EQ(ExaminedUnits(spec_, manifest_, trial_), 5'100'000);
  trial_.commitment->draw_ppm = kTestedPpm;
  EXPECT_EQ(ExaminedUnits(spec_, manifest_, trial_), 1'100'000);
  trial_.commitment->draw_ppm = 0;
  EXPECT_EQ(ExaminedUnits(spec_, manifest_, trial_), 0);
}

// Whatever the weights: a miner's may leave every example in doubt.
TEST_F(AuditCostTest, ThereIsTimeForAWholeEvaluationInDoublePrecision) {
  PoolPolicy policy;
  policy.slowness_max = 1;
  const AuditCost cost = Cost(AuditKind::kSegment);
  EXPECT_EQ(ExaminationTime(policy, cost),
            absl::Microseconds(2 * 100'000 + 9 * 200'000));
  policy.slowness_max = 3;
  EXPECT_EQ(ExaminationTime(policy, cost),
            3 * absl::Microseconds(2 * 100'000 + 9 * 200'000));
}

}  // namespace
}  // namespace archpool
