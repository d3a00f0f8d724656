// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/task_memory.h"

#include "gtest/gtest.h"

namespace archpool {
namespace {

constexpr SubspaceId kBox{4};
constexpr AccountId kAlice{1};
constexpr AccountId kBob{2};
constexpr TrainingRoom kAnyRoom;
constexpr WorkUnits kPlenty = 1'000'000;

TEST(TaskMemoryTest, AWalkContinuesOnItsOwnStream) {
  TaskMemory memory;
  memory.walks[kBox] = {.stream = 8, .looked = 30, .looked_for_all = 20};
  EXPECT_EQ(memory.WalkOf(kBox, 8, kAlice, kAnyRoom, kPlenty).looked, 30);
  EXPECT_EQ(memory.WalkOf(kBox, 9, kAlice, kAnyRoom, kPlenty).looked, 0);
  EXPECT_EQ(memory.WalkOf(SubspaceId{5}, 8, kAlice, kAnyRoom, kPlenty).looked,
            0);
}

// What it passed for one account's sake alone, another one may have.
TEST(TaskMemoryTest, WhatOneAccountMayNotHaveIsLookedAtForOthers) {
  TaskMemory memory;
  memory.walks[kBox] = {.stream = 8,
                        .looked = 30,
                        .is_over = true,
                        .rejected_of = kAlice,
                        .looked_for_all = 20};
  EXPECT_TRUE(memory.WalkOf(kBox, 8, kAlice, kAnyRoom, kPlenty).is_over);
  const BoxWalk walk = memory.WalkOf(kBox, 8, kBob, kAnyRoom, kPlenty);
  EXPECT_EQ(walk.looked, 20);
  EXPECT_FALSE(walk.is_over);
  EXPECT_TRUE(walk.IsForAll());
}

TEST(TaskMemoryTest, WhatOneMachineHasNoRoomForIsLookedAtForLargerOnes) {
  constexpr TrainingRoom kSmall{.parameters_max = 100};
  TaskMemory memory;
  BoxWalk& walk = memory.walks[kBox];
  walk = {.stream = 8, .looked = 30, .looked_for_all = 20};
  walk.too_large.Add({.parameters = 500}, kSmall);
  walk.dearest_too_large = 7;
  EXPECT_EQ(memory.WalkOf(kBox, 8, kAlice, kSmall, kPlenty).looked, 30);
  EXPECT_EQ(
      memory.WalkOf(kBox, 8, kAlice, {.parameters_max = 499}, kPlenty).looked,
      30);
  EXPECT_EQ(
      memory.WalkOf(kBox, 8, kAlice, {.parameters_max = 500}, kPlenty).looked,
      20);
  EXPECT_EQ(memory.WalkOf(kBox, 8, kAlice, kSmall, 7).looked, 30);
  // What it passed would be too dear before it is too large.
  EXPECT_EQ(memory.WalkOf(kBox, 8, kAlice, kSmall, 6).looked, 20);
}

}  // namespace
}  // namespace archpool
