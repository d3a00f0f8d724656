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
