// SPDX-License-Identifier: Apache-2.0
#include "common/nas/sampling.h"

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/support/spaces.h"

namespace archpool {
namespace {

using archpool::testing::EveryOperation;
using archpool::testing::kFashion;
using archpool::testing::SpaceOfSizes;

const NetworkSetup kSetup{.input_shape = kFashion, .classes = 10, .limits = {}};

// What a box holds, found without sampling.
std::set<Digest> IdsOf(const SearchSpace& space, const Subspace& box,
                       const NetworkSetup& setup) {
  std::set<Digest> ids;
  for (int64_t i = 0; i < box.size(); ++i) {
    const auto candidate = MakeCandidate(space, box.ArchitectureAt(i), setup);
    if (candidate.ok()) ids.insert(candidate->id);
  }
  return ids;
}

std::vector<Digest> DrawAll(const SearchSpace& space, const Subspace& box,
                            const NetworkSetup& setup, CounterRng rng,
                            int64_t attempts_max) {
  std::set<Digest> taken;
  std::vector<Digest> drawn;
  while (true) {
    const auto candidate =
        SampleCandidate(space, box, setup, taken, rng, attempts_max);
    if (!candidate.has_value()) return drawn;
    EXPECT_TRUE(box.Contains(candidate->architecture));
    EXPECT_EQ(candidate->id, ArchitectureIdOf(candidate->plan));
    EXPECT_TRUE(taken.insert(candidate->id).second);
    drawn.push_back(candidate->id);
  }
}

// Boxes that are gone through are exhausted: each id comes once, none is left
// out, though several architectures spell one network.
TEST(SampleCandidateTest, SmallBoxesAreEnumeratedCompletely) {
  const SearchSpace space = EveryOperation(2);
  const Subspace whole = Subspace::Whole(space);
  for (const Subspace& box : whole.SplitOn(0)) {
    ASSERT_EQ(box.size(), 32);
    const std::set<Digest> expected = IdsOf(space, box, kSetup);
    const std::vector<Digest> drawn =
        DrawAll(space, box, kSetup, CounterRng(7, 1), 64);
    EXPECT_EQ(std::set<Digest>(drawn.begin(), drawn.end()), expected);
    EXPECT_EQ(drawn.size(), expected.size());
  }
  const std::vector<Digest> drawn =
      DrawAll(space, whole, kSetup, CounterRng(7, 1), whole.size());
  EXPECT_EQ(drawn.size(), IdsOf(space, whole, kSetup).size());
}

// Networks over the limits are passed over, and the rest still found.
TEST(SampleCandidateTest, ImpossiblePlansAreNeverDrawn) {
  const SearchSpace space = SpaceOfSizes({4, 4});
  const Subspace whole = Subspace::Whole(space);
  NetworkSetup setup = kSetup;
  const auto candidate = MakeCandidate(space, space.ArchitectureAt(5), setup);
  ASSERT_TRUE(candidate.ok());
  setup.limits.parameters_max = candidate->plan.parameters;
  const std::set<Digest> expected = IdsOf(space, whole, setup);
  EXPECT_LT(expected.size(), 16u);
  const std::vector<Digest> drawn =
      DrawAll(space, whole, setup, CounterRng(3, 1), 16);
  EXPECT_EQ(std::set<Digest>(drawn.begin(), drawn.end()), expected);
  EXPECT_EQ(
      GetReason(MakeCandidate(space, space.ArchitectureAt(15), setup).status()),
      "PLAN_TOO_LARGE");
}

TEST(SampleCandidateTest, IsAFunctionOfTheGenerator) {
  const SearchSpace space = SpaceOfSizes(std::vector<int64_t>(20, 8));
  const Subspace whole = Subspace::Whole(space);
  const auto draw = [&](uint64_t key) {
    CounterRng rng(key, 1);
    return SampleCandidate(space, whole, kSetup, std::set<Digest>(), rng);
  };
  ASSERT_TRUE(draw(1).has_value());
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

TEST(SampleCandidateTest, LargeBoxesGiveUpAfterTheAttempts) {
  const SearchSpace space = SpaceOfSizes({8, 8, 8});
  const Subspace whole = Subspace::Whole(space);
  CounterRng rng(1, 1);
  int64_t asked = 0;
  const auto refuse = [&asked](const Digest&) {
    ++asked;
    return true;
  };
  EXPECT_EQ(SampleCandidate(space, whole, kSetup, refuse, rng, 10),
            std::nullopt);
  EXPECT_EQ(asked, 10);
  asked = 0;
  EXPECT_EQ(SampleCandidate(space, whole, kSetup, refuse, rng, 512),
            std::nullopt);
  EXPECT_EQ(asked, 512);
}

// Both ways of drawing reach every architecture about as often: 4,000 draws
// from 16 make 250 each, with a standard deviation of 15.
TEST(SampleCandidateTest, DrawsUniformly) {
  const SearchSpace space = SpaceOfSizes({4, 4});
  const Subspace whole = Subspace::Whole(space);
  for (const int64_t attempts_max : {15, 16}) {
    CounterRng rng(5, 1);
    std::map<Architecture, int> counts;
    for (int i = 0; i < 4000; ++i) {
      ++counts[SampleCandidate(space, whole, kSetup, std::set<Digest>(), rng,
                               attempts_max)
                   ->architecture];
    }
    EXPECT_EQ(counts.size(), 16u);
    for (const auto& [architecture, count] : counts) {
      EXPECT_NEAR(count, 250, 75);
    }
  }
}

TEST(SampleCandidateTest, AnEmptyBoxHasNoCandidate) {
  CounterRng rng(5, 1);
  EXPECT_EQ(SampleCandidate(SpaceOfSizes({2}), Subspace(), kSetup,
                            std::set<Digest>(), rng),
            std::nullopt);
}

}  // namespace
}  // namespace archpool
