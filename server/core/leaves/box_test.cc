// SPDX-License-Identifier: Apache-2.0
// Where architectures lie, and which boxes are the most promising.
#include <algorithm>
#include <map>

#include "common/base/counter_rng.h"
#include "gtest/gtest.h"
#include "server/core/leaves/box_score.h"
#include "server/core/leaves/box_tree.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

// Random splits of every box of a small space: the tree must agree with the
// boxes about each architecture.
TEST(BoxTreeTest, FindsTheBoxThatHoldsTheArchitecture) {
  const SearchSpace space = TinySpace(7);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    CounterRng rng(seed, 0);
    std::map<SubspaceId, Subspace> boxes;
    const std::vector<Subspace> partition = Partition(space, 3, 7);
    BoxTree tree(partition);
    int64_t last = 0;
    for (const Subspace& box : partition) {
      boxes.emplace(SubspaceId{++last}, box);
      tree.AddRoot({last});
    }
    for (int i = 0; i < 40; ++i) {
      const SubspaceId id{1 + rng.Below(uint32_t(last))};
      const auto d = rng.Below(3);
      std::vector<uint64_t> stay = boxes.at(id).allowed();
      const uint64_t go = stay[d] & rng.Next();
      if (go == 0 || go == stay[d]) continue;
      std::vector<uint64_t> gone = stay;
      gone[d] = go;
      stay[d] &= ~go;
      boxes.at(id) = *Subspace::Create(space, stay);
      boxes.emplace(SubspaceId{++last}, *Subspace::Create(space, gone));
      tree.Split(id, {last}, d, go);
    }
    for (int64_t rank = 0; rank < space.size(); ++rank) {
      const Architecture architecture = space.ArchitectureAt(rank);
      EXPECT_TRUE(
          boxes.at(tree.Find(space, architecture)).Contains(architecture));
    }
  }
}

TEST(BoxScoreTest, TheFewBestCount) {
  BoxScore score;
  EXPECT_EQ(score.Promise(), 1e7) << "what nobody has tried comes first";
  score.prior_ppm = 500;
  EXPECT_EQ(score.RewardPpm(), 500);
  score.Add({{1}, 900});
  score.Add({{2}, 100});
  score.Add({{3}, 700});
  EXPECT_EQ(score.RewardPpm(), 800);
  score.Remove({{1}, 900});
  EXPECT_EQ(score.RewardPpm(), 400);
  EXPECT_EQ(score.best_ppm(), 700);
}

TEST(TopShareTest, HoldsTheTopFifthThroughAnyChanges) {
  constexpr int64_t kShare = 200'000;
  CounterRng rng(7, 0);
  TopShare top;
  std::map<SubspaceId, int64_t> rewards;
  for (int step = 0; step < 3'000; ++step) {
    const SubspaceId id{rng.Below(60)};
    if (rewards.contains(id)) {
      top.Erase(id, rewards[id], kShare);
      rewards.erase(id);
    }
    if (rng.Below(8) != 0) {
      rewards[id] = rng.Below(40);
      top.Insert(id, rewards[id], kShare);
    }
    std::vector<std::pair<int64_t, SubspaceId>> order;
    for (const auto& [box, reward] : rewards) order.push_back({-reward, box});
    std::sort(order.begin(), order.end());
    const size_t wanted = (order.size() + 4) / 5;
    for (size_t i = 0; i < order.size(); ++i) {
      const int64_t reward = -order[i].first;
      EXPECT_EQ(top.Contains(order[i].second, reward),
                i < wanted && reward > 0);
    }
    EXPECT_EQ(top.Best(), order.empty() ? 0 : -order[0].first);
  }
}

}  // namespace
}  // namespace archpool
