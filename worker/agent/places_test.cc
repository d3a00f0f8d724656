// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/places.h"

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

constexpr LanePlan kThree{.lanes = 3, .threads = 2, .memory_bytes = 100};

bool Always() { return true; }
bool Never() { return false; }

TEST(PlacesTest, EachLaneHasItsPartOfTheThreads) {
  Places places;
  places.Open(kThree, 7);
  const auto first = places.Take({.memory_bytes = 100}, Always);
  const auto second = places.Take({}, Always);
  const auto third = places.Take({}, Always);
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(second, IsOk());
  ASSERT_THAT(third, IsOk());
  EXPECT_EQ(first->threads(), 2);
  EXPECT_EQ(third->threads(), 2);
  EXPECT_THAT(places.Take({}, Never), FailsWith("TRAINING_STOPPED"));
}

TEST(PlacesTest, APlaceIsFreeAgainWhenItsTrainingEnds) {
  Places places;
  places.Open({}, 1);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(places.Take({}, Never), IsOk());
  }
}

TEST(PlacesTest, WhatDoesNotFitHasAllThreadsAndNobodyBesideIt) {
  Places places;
  places.Open(kThree, 7);
  {
    const auto large = places.Take({.memory_bytes = 101}, Always);
    ASSERT_THAT(large, IsOk());
    EXPECT_EQ(large->threads(), 7);
    EXPECT_THAT(places.Take({}, Never), FailsWith("TRAINING_STOPPED"));
  }
  const auto small = places.Take({}, Always);
  ASSERT_THAT(small, IsOk());
  EXPECT_THAT(places.Take({.memory_bytes = 101}, Never),
              FailsWith("TRAINING_STOPPED"));
  EXPECT_THAT(places.Take({.is_alone = true}, Never),
              FailsWith("TRAINING_STOPPED"));
}

TEST(PlacesTest, WhereMemoryIsNotKnownEverythingFits) {
  Places places;
  places.Open({.lanes = 2}, 2);
  const auto first = places.Take({.memory_bytes = int64_t{1} << 50}, Always);
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->threads(), 1);
  EXPECT_THAT(places.Take({}, Always), IsOk());
}

TEST(PlacesTest, NobodyTrainsBeforeTheyAreOpen) {
  Places places;
  EXPECT_THAT(places.Take({}, Never), FailsWith("TRAINING_STOPPED"));
  std::atomic<bool> has_place = false;
  std::thread trains([&] {
    const auto place = places.Take({}, Always);
    has_place = place.ok();
  });
  absl::SleepFor(absl::Milliseconds(20));
  EXPECT_FALSE(has_place);
  places.Open({}, 1);
  trains.join();
  EXPECT_TRUE(has_place);
}

// Small ones that come later must not keep it waiting forever.
TEST(PlacesTest, WhoAsksFirstIsServedFirst) {
  Places places;
  places.Open(kThree, 7);
  std::optional<absl::StatusOr<Places::Place>> running =
      places.Take({}, Always);
  absl::Notification asks;
  std::atomic<bool> is_large_done = false;
  std::thread large([&] {
    const auto place = places.Take({.is_alone = true}, [&] {
      if (!asks.HasBeenNotified()) asks.Notify();
      return true;
    });
    EXPECT_THAT(place, IsOk());
    is_large_done = true;
  });
  asks.WaitForNotification();
  std::thread small([&] {
    EXPECT_THAT(places.Take({}, Always), IsOk());
    EXPECT_TRUE(is_large_done);
  });
  absl::SleepFor(absl::Milliseconds(20));
  running.reset();
  large.join();
  small.join();
}

// Whoever gives up is in nobody's way.
TEST(PlacesTest, WhatIsCalledOffLetsTheNextOnes) {
  Places places;
  places.Open(kThree, 7);
  const auto running = places.Take({}, Always);
  ASSERT_THAT(running, IsOk());
  EXPECT_THAT(places.Take({.is_alone = true}, Never),
              FailsWith("TRAINING_STOPPED"));
  EXPECT_THAT(places.Take({}, Never), IsOk());
}

}  // namespace
}  // namespace archpool
