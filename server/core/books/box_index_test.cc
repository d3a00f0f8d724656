// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/box_index.h"

#include <vector>

#include "gtest/gtest.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

constexpr int64_t kBoxes = 4;

class BoxIndexTest : public testing::Test {
 protected:
  BoxIndexTest() {
    TaskSpec spec = TinySpec(4);
    spec.subspaces = kBoxes;
    index = BoxIndex(spec, 250'000);
    for (const Subspace& box : Partition(spec.space, kBoxes, kBoxes)) {
      boxes.push_back(
          {.id = {static_cast<int64_t>(boxes.size()) + 1}, .box = box});
      index.Put(nullptr, boxes.back());
    }
  }
  void Move(size_t i, SubspaceState state) {
    const SubspaceRecord before = boxes[i];
    boxes[i].state = state;
    index.Put(&before, boxes[i]);
  }

  BoxIndex index;
  std::vector<SubspaceRecord> boxes;
};

TEST_F(BoxIndexTest, HoldsTheOpenOnesAndCountsThoseThatAreDone) {
  EXPECT_EQ(index.ids().size(), boxes.size());
  EXPECT_EQ(index.open().size(), boxes.size());
  Move(0, SubspaceState::kLeased);
  EXPECT_EQ(index.open().size(), boxes.size() - 1);
  EXPECT_EQ(index.done_count(), 0);
  Move(0, SubspaceState::kOpen);
  Move(0, SubspaceState::kCompleted);
  Move(1, SubspaceState::kPruned);
  EXPECT_EQ(index.done_count(), 2);
  Move(0, SubspaceState::kOpen);
  EXPECT_EQ(index.done_count(), 1);
  EXPECT_EQ(index.open().size(), boxes.size() - 1);
}

// What nobody has tried comes first; then what promises most.
TEST_F(BoxIndexTest, OrdersTheOpenOnesByTheirPromise) {
  index.Count(boxes[0].id, TrialId{1}, 500'000, 1);
  index.Count(boxes[1].id, TrialId{2}, 700'000, 1);
  std::vector<SubspaceId> order;
  for (const auto& [promise, id] : index.open()) order.push_back(id);
  EXPECT_EQ(order, (std::vector<SubspaceId>{boxes[2].id, boxes[3].id,
                                            boxes[1].id, boxes[0].id}));
  EXPECT_EQ(index.BestReward(), 700'000);
}

TEST_F(BoxIndexTest, TheTopShareFollowsTheResults) {
  index.Count(boxes[0].id, TrialId{1}, 500'000, 1);
  EXPECT_TRUE(index.IsHighReward(boxes[0].id)) << "a quarter of four";
  index.Count(boxes[1].id, TrialId{2}, 700'000, 1);
  EXPECT_FALSE(index.IsHighReward(boxes[0].id));
  EXPECT_TRUE(index.IsHighReward(boxes[1].id));
  index.Count(boxes[1].id, TrialId{2}, 700'000, -1);
  EXPECT_TRUE(index.IsHighReward(boxes[0].id));
  EXPECT_FALSE(index.IsHighReward(SubspaceId{99}));
}

TEST_F(BoxIndexTest, AnUnsplitBoxIsLookedAtAgainWithMoreResults) {
  index.Count(boxes[0].id, TrialId{1}, 500'000, 1);
  index.RememberUnsplit(boxes[0].id);
  const BoxScore& score = index.scores().at(boxes[0].id);
  EXPECT_EQ(score.unsplit_at, score.accepted());
  index.Count(boxes[0].id, TrialId{2}, 600'000, 1);
  EXPECT_LT(score.unsplit_at, score.accepted());
}

}  // namespace
}  // namespace archpool
