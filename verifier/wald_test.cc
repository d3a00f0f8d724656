// SPDX-License-Identifier: Apache-2.0
#include "verifier/wald.h"

#include "common/base/counter_rng.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using Verdict = SequentialTest::Verdict;

struct Outcome {
  Verdict verdict = Verdict::kUndecided;
  int64_t seen = 0;
};

Outcome TestClaim(double truth, double claimed, uint64_t seed) {
  CounterRng rng(seed, 0);
  SequentialTest test(claimed, 0.05);
  Outcome outcome;
  while (outcome.seen < 100'000) {
    test.Add(1, rng.NextUnitFloat() < static_cast<float>(truth) ? 1 : 0);
    ++outcome.seen;
    outcome.verdict = test.verdict();
    if (outcome.verdict != Verdict::kUndecided) break;
  }
  return outcome;
}

TEST(WaldTest, HoldsItsErrorRatesWithFewExamples) {
  constexpr int kRuns = 3'000;
  for (const double claimed : {0.5, 0.88, 0.97}) {
    int alarms = 0;
    int misses = 0;
    int64_t seen = 0;
    for (int run = 0; run < kRuns; ++run) {
      const auto seed = static_cast<uint64_t>(run);
      const Outcome honest = TestClaim(claimed, claimed, seed);
      alarms += honest.verdict == Verdict::kNotCredible;
      seen += honest.seen;
      misses += TestClaim(claimed - 0.05, claimed, seed).verdict ==
                Verdict::kCredible;
    }
    EXPECT_LE(alarms, kRuns * 0.015) << claimed;
    EXPECT_LE(misses, kRuns * 0.002 + 3) << claimed;
    EXPECT_LE(seen / kRuns, 1'500) << claimed;
  }
}

TEST(WaldTest, TellsAFakeAtOnce) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const Outcome outcome = TestClaim(0.1, 0.9, seed);
    EXPECT_EQ(outcome.verdict, Verdict::kNotCredible);
    EXPECT_LE(outcome.seen, 40);
  }
}

TEST(WaldTest, TakesClaimsAtTheEnds) {
  EXPECT_EQ(TestClaim(0, 1, 1).verdict, Verdict::kNotCredible);
  EXPECT_EQ(TestClaim(1, 1, 1).verdict, Verdict::kCredible);
}

}  // namespace
}  // namespace archpool
