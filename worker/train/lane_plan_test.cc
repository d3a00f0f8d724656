// SPDX-License-Identifier: Apache-2.0
#include "worker/train/lane_plan.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kGibi = int64_t{1} << 30;

std::vector<int64_t> LanesOf(const std::vector<LanePlan>& choices) {
  std::vector<int64_t> lanes;
  for (const LanePlan& choice : choices) lanes.push_back(choice.lanes);
  return lanes;
}

TEST(LanePlanTest, OneLaneHasTheWholeMachine) {
  EXPECT_EQ(PlanLanes(1, 8, kGibi), (LanePlan{1, 8, kGibi}));
  EXPECT_EQ(PlanLanes(1, 8, 0), (LanePlan{1, 8, 0}));
}

// The program is there once, however many lanes there are.
TEST(LanePlanTest, LanesTogetherTakeNoMoreThanThereIs) {
  for (const int64_t lanes : {2, 3, 5, 8}) {
    const LanePlan plan = PlanLanes(lanes, 8, kGibi);
    EXPECT_EQ(plan.threads, 8 / lanes);
    EXPECT_LE(kProgramBytes + lanes * (plan.memory_bytes - kProgramBytes),
              kGibi);
    EXPECT_GT(kProgramBytes + lanes * (plan.memory_bytes - kProgramBytes),
              kGibi - lanes);
  }
}

TEST(LanePlanTest, LessThanTheProgramIsNotShared) {
  EXPECT_EQ(PlanLanes(4, 4, kProgramBytes / 2).memory_bytes, kProgramBytes);
}

TEST(LanePlanTest, MemoryThatIsNotKnownStaysSo) {
  EXPECT_EQ(PlanLanes(4, 4, 0).memory_bytes, 0);
}

TEST(LanePlanTest, FewChoicesAreWorthMeasuring) {
  EXPECT_THAT(LanesOf(LaneChoices(1, 64 * kGibi)), ElementsAre(1));
  EXPECT_THAT(LanesOf(LaneChoices(2, 64 * kGibi)), ElementsAre(1, 2));
  EXPECT_THAT(LanesOf(LaneChoices(6, 64 * kGibi)), ElementsAre(1, 6, 3));
  EXPECT_THAT(LanesOf(LaneChoices(64, 256 * kGibi)),
              ElementsAre(1, 64, 32, 16));
}

// A lane that could train next to nothing would be of no use.
TEST(LanePlanTest, LittleMemoryHasFewLanes) {
  EXPECT_THAT(LanesOf(LaneChoices(32, kGibi)), ElementsAre(1, 2));
  EXPECT_THAT(LanesOf(LaneChoices(32, 3 * kGibi / 4)), ElementsAre(1));
  EXPECT_THAT(LanesOf(LaneChoices(32, int64_t{96} << 20)), ElementsAre(1));
}

TEST(LanePlanTest, MemoryThatIsNotKnownIsNotShared) {
  EXPECT_THAT(LanesOf(LaneChoices(8, 0)), ElementsAre(1));
}

TEST(LanePlanTest, TheFastestIsChosen) {
  const std::vector<LanePlan> choices = LaneChoices(8, 64 * kGibi);
  ASSERT_THAT(LanesOf(choices), ElementsAre(1, 8, 4, 2));
  EXPECT_EQ(FillsBest(choices, {100, 200, 150, 120}), 1u);
  EXPECT_EQ(FillsBest(choices, {100, 150, 200, 120}), 2u);
  EXPECT_EQ(FillsBest(choices, {200, 100, 100, 100}), 0u);
}

TEST(LanePlanTest, WhatIsAsGoodHasTheFewestLanes) {
  const std::vector<LanePlan> choices = LaneChoices(8, 64 * kGibi);
  EXPECT_EQ(FillsBest(choices, {100, 200, 195, 150}), 2u);
  EXPECT_EQ(FillsBest(choices, {100, 101, 102, 103}), 0u);
}

// There was no memory to measure in, say.
TEST(LanePlanTest, WhereNothingWasMeasuredThereIsOneLane) {
  EXPECT_EQ(FillsBest(LaneChoices(4, 64 * kGibi), {0, 0, 0}), 0u);
}

TEST(LanePlanTest, IsToldToPeople) {
  EXPECT_EQ(DescribeLanes({1, 1, 0}), "1 training, 1 thread");
  EXPECT_EQ(DescribeLanes({1, 4, 0}), "1 training, 4 threads");
  EXPECT_EQ(DescribeLanes({4, 1, 0}), "4 trainings, 1 thread each");
  EXPECT_EQ(DescribeLanes({2, 3, 0}), "2 trainings, 3 threads each");
}

}  // namespace
}  // namespace archpool
