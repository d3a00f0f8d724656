// SPDX-License-Identifier: Apache-2.0
#include "common/base/counter_rng.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace archpool {
namespace {

// The known answers published with the generator (Random123, kat_vectors):
// counter and key all zero, and all ones.
TEST(CounterRngTest, MatchesThePublishedKnownAnswers) {
  const std::array<uint32_t, 4> zero = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c,
                                        0x9b00dbd8};
  EXPECT_EQ(CounterRng(0, 0).Block(0), zero);
  const std::array<uint32_t, 4> ones = {0x408f276d, 0x41c83b0e, 0xa20bc7c6,
                                        0x6d5451fd};
  EXPECT_EQ(CounterRng(UINT64_MAX, UINT64_MAX).Block(UINT64_MAX), ones);
}

TEST(CounterRngTest, NextWalksTheBlocksInOrder) {
  CounterRng rng(42, 7);
  for (uint64_t block = 0; block < 3; ++block) {
    for (uint32_t word : CounterRng(42, 7).Block(block)) {
      EXPECT_EQ(rng.Next(), word);
    }
  }
}

TEST(CounterRngTest, BelowStaysBelowAndReachesEveryValue) {
  CounterRng rng(1, 2);
  std::array<int, 7> seen{};
  for (int i = 0; i < 7000; ++i) ++seen[rng.Below(7)];
  for (int count : seen) EXPECT_NEAR(count, 1000, 150);
  const uint64_t wide = (uint64_t{1} << 40) + 12345;
  for (int i = 0; i < 1000; ++i) EXPECT_LT(rng.Below64(wide), wide);
}

TEST(CounterRngTest, PermutationHoldsEveryIndexOnce) {
  std::vector<uint32_t> places = Permutation(CounterRng(3, 4), 1000);
  EXPECT_FALSE(std::is_sorted(places.begin(), places.end()));
  std::sort(places.begin(), places.end());
  for (uint32_t i = 0; i < 1000; ++i) EXPECT_EQ(places[i], i);
}

}  // namespace
}  // namespace archpool
