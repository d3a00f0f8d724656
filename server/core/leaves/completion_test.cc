// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/completion.h"

#include <cmath>

#include "gtest/gtest.h"

namespace archpool {
namespace {

TEST(CompletionTest, TheNormalDistributionIsRight) {
  for (double x = -5; x <= 5; x += 0.01) {
    EXPECT_NEAR(NormalCdf(x), 0.5 * std::erfc(-x / std::sqrt(2.0)), 2e-7) << x;
  }
}

// The setting of the figure in docs/results.md: half a term's work, deviation
// of speeds 0.3, a deadline of one term.
TEST(CompletionTest, FinishingHalfATermsWorkInATerm) {
  const Outlook steady{.pace = 1, .pace_deviation = 0.3};
  EXPECT_NEAR(FinishProbability(absl::Minutes(5), absl::Minutes(10), steady),
              0.99957, 1e-5);
  Outlook leaving = steady;
  leaving.hazard_per_second = 0.3 / 600;
  EXPECT_NEAR(FinishProbability(absl::Minutes(5), absl::Minutes(10), leaving),
              0.99957 * std::exp(-0.15), 1e-4);
  EXPECT_EQ(FinishProbability(absl::ZeroDuration(), absl::Seconds(1), steady),
            1);
  EXPECT_EQ(FinishProbability(absl::Seconds(1), -absl::Seconds(1), steady), 0);
}

TEST(CompletionTest, CopiesBringTheMissUnderTheBound) {
  EXPECT_EQ(CopiesNeeded(0.0005, 0.1, 0.001, 3), 0);
  EXPECT_EQ(CopiesNeeded(0.005, 0.1, 0.001, 3), 1);
  EXPECT_EQ(CopiesNeeded(0.05, 0.1, 0.001, 3), 2);
  EXPECT_EQ(CopiesNeeded(0.5, 1.0, 0.001, 3), 3) << "no number would do";
}

TEST(CompletionTest, OutlookFollowsWhatWasSeen) {
  const absl::Duration term = absl::Minutes(10);
  const Outlook unknown = OutlookOf(Performance(), Performance(), term);
  EXPECT_EQ(unknown.pace, 1);
  EXPECT_NEAR(unknown.pace_deviation, 0.3, 1e-9);
  Performance slow;
  for (int i = 0; i < 50; ++i) slow.pace_permille.Add(i % 2 == 0 ? 3900 : 4100);
  slow.leases_lost = 5;
  slow.lease_time = 50 * term;
  const Outlook seen = OutlookOf(slow, slow, term);
  EXPECT_NEAR(seen.pace, 3.97, 0.01);
  EXPECT_LT(seen.pace_deviation, 0.2);
  EXPECT_NEAR(seen.hazard_per_second * 600, 0.1, 0.01);
  // A new worker is taken for what its account's others are.
  EXPECT_EQ(OutlookOf(Performance(), slow, term).pace, seen.pace);
}

}  // namespace
}  // namespace archpool
