// SPDX-License-Identifier: Apache-2.0
#include "server/engine/turn_queue.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr AccountId kFlood{1};
constexpr AccountId kAlice{2};
constexpr AccountId kBob{3};

using Words = TurnQueue<std::string>;

void Flood(Words& queue, int count) {
  for (int i = 0; i < count; ++i) {
    EXPECT_EQ(queue.Add(kFlood, absl::StrCat("f", i)), std::nullopt);
  }
}

TEST(TurnQueueTest, WhoComesLateDoesNotWaitForThousands) {
  Words queue(10'000);
  Flood(queue, 5'000);
  queue.Add(kAlice, "a0");
  queue.Add(kAlice, "a1");
  queue.Add(kBob, "b0");
  EXPECT_THAT(queue.Take(7),
              ElementsAre("f0", "a0", "b0", "f1", "a1", "f2", "f3"));
  EXPECT_EQ(queue.size(), 4'996);
  queue.Add(kBob, "b1");
  EXPECT_THAT(queue.Take(3), ElementsAre("f4", "b1", "f5"));
}

TEST(TurnQueueTest, OneCallersOwnStayInOrder) {
  Words queue(10);
  Flood(queue, 3);
  EXPECT_THAT(queue.Take(2), ElementsAre("f0", "f1"));
  queue.Add(kFlood, "f3");
  EXPECT_THAT(queue.TakeAll(), ElementsAre("f2", "f3"));
  EXPECT_THAT(queue.TakeAll(), IsEmpty());
  EXPECT_EQ(queue.size(), 0);
}

TEST(TurnQueueTest, WhoFillsItIsRefusedFirst) {
  Words queue(4);
  Flood(queue, 4);
  EXPECT_EQ(queue.Add(kFlood, "f4"), "f4");
  EXPECT_EQ(queue.Add(kAlice, "a0"), "f3") << "its latest makes room";
  EXPECT_EQ(queue.Add(kBob, "b0"), "f2");
  EXPECT_EQ(queue.size(), 4);
  EXPECT_EQ(queue.Add(kFlood, "f5"), "f5");
  EXPECT_THAT(queue.TakeAll(), ElementsAre("f0", "a0", "b0", "f1"));
}

TEST(TurnQueueTest, WhereAllHaveOneEachTheLatestIsRefused) {
  Words queue(2);
  queue.Add(kAlice, "a0");
  queue.Add(kBob, "b0");
  EXPECT_EQ(queue.Add(kAlice, "a1"), "a1");
  EXPECT_EQ(queue.Add(kFlood, "f0"), "f0");
  EXPECT_THAT(queue.TakeAll(), ElementsAre("a0", "b0"));
}

// What was there before a deadline fell due is looked at before it.
TEST(TurnQueueTest, TheOldestIsKnown) {
  Words queue(10);
  EXPECT_EQ(queue.OldestNumber(), 0);
  Flood(queue, 3);
  queue.Add(kAlice, "a0");
  const int64_t due = queue.next_number();
  queue.Add(kBob, "b0");
  EXPECT_THAT(queue.Take(3), ElementsAre("f0", "a0", "b0"));
  EXPECT_LT(queue.OldestNumber(), due);
  EXPECT_THAT(queue.Take(2), ElementsAre("f1", "f2"));
  EXPECT_GE(queue.OldestNumber(), due);
}

TEST(TurnQueueTest, HoldsWhatCannotBeCopied) {
  TurnQueue<std::unique_ptr<int>> queue(1);
  EXPECT_EQ(queue.Add(kAlice, std::make_unique<int>(7)), std::nullopt);
  EXPECT_EQ(**queue.Add(kAlice, std::make_unique<int>(8)), 8);
  EXPECT_EQ(*queue.TakeAll()[0], 7);
}

}  // namespace
}  // namespace archpool
