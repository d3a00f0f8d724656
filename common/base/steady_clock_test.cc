// SPDX-License-Identifier: Apache-2.0
#include "common/base/steady_clock.h"

#include <gtest/gtest.h>

#include <vector>

namespace archpool {
namespace {

constexpr absl::Duration kHour = absl::Hours(1);

class SteadyClockTest : public testing::Test {
 protected:
  SteadyClockTest() {
    clock.OnStep([this](absl::Duration step) { steps.push_back(step); });
  }
  // Time passes, on both clocks.
  void Pass(absl::Duration duration) {
    system += duration;
    elapsed += duration;
  }

  absl::Time system = absl::FromUnixSeconds(1'800'000'000);
  absl::Duration elapsed = absl::Seconds(77);
  std::vector<absl::Duration> steps;
  SteadyClock clock{{[this] { return system; }, [this] { return elapsed; }}};
};

TEST_F(SteadyClockTest, FollowsTheSystemsClock) {
  EXPECT_EQ(clock.Now(), system);
  for (int i = 0; i < 100; ++i) {
    Pass(absl::Seconds(7));
    EXPECT_EQ(clock.Now(), system);
  }
  EXPECT_TRUE(steps.empty());
}

TEST_F(SteadyClockTest, AStepForwardMovesNothingAtOnce) {
  const absl::Time before = clock.Now();
  system += kHour;
  EXPECT_EQ(clock.Now(), before);
  Pass(absl::Seconds(100));
  EXPECT_EQ(clock.Now(), before + absl::Seconds(101));
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0], kHour);
}

// The field's fault: one moment of a wrong clock froze every expiry.
TEST_F(SteadyClockTest, AMomentOfAWrongClockIsForgottenAtOnce) {
  const absl::Time before = clock.Now();
  system += kHour;
  Pass(absl::Seconds(14));
  clock.Now();
  system -= kHour;
  Pass(absl::Seconds(1));
  clock.Now();
  Pass(absl::Minutes(1));
  EXPECT_EQ(clock.Now(), before + absl::Seconds(75));
  EXPECT_EQ(steps.size(), 2u);
}

TEST_F(SteadyClockTest, AStepBackStopsNothing) {
  const absl::Time before = clock.Now();
  system -= kHour;
  EXPECT_EQ(clock.Now(), before);
  Pass(absl::Seconds(100));
  EXPECT_EQ(clock.Now(), before + absl::Seconds(99));
  EXPECT_LT(clock.Ahead(), kHour);
}

TEST_F(SteadyClockTest, ComesBackToTheSystemsClock) {
  system += kHour;
  Pass(101 * kHour);
  EXPECT_EQ(clock.Now(), system);
  system -= kHour;
  Pass(101 * kHour);
  EXPECT_EQ(clock.Now(), system);
}

TEST_F(SteadyClockTest, NeverGoesBack) {
  absl::Time last = clock.Now();
  for (int i = 0; i < 1'000; ++i) {
    system += absl::Seconds((i * 7'919) % 1'000 - 500);
    Pass(absl::Microseconds(i % 13));
    const absl::Time now = clock.Now();
    EXPECT_GE(now, last);
    last = now;
  }
}

TEST_F(SteadyClockTest, GoesOnFromWhereAPoolWas) {
  const absl::Time floor = system + kHour;
  clock.AdvanceTo(floor);
  EXPECT_EQ(clock.Now(), floor);
  Pass(absl::Seconds(100));
  EXPECT_EQ(clock.Now(), floor + absl::Seconds(99));
  clock.AdvanceTo(floor - kHour);
  EXPECT_EQ(clock.Now(), floor + absl::Seconds(99));
}

TEST(SteadyClockOfTheSystem, TellsWholeMicroseconds) {
  const SteadyClock clock;
  const absl::Time now = clock.Now();
  EXPECT_EQ(absl::ToUnixNanos(now) % 1'000, 0);
  EXPECT_GE(clock.Now(), now);
}

}  // namespace
}  // namespace archpool
