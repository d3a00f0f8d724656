// SPDX-License-Identifier: Apache-2.0
#include "common/base/countdown.h"

#include "gtest/gtest.h"

namespace archpool {
namespace {

TEST(CountdownTest, RunsOut) {
  const Countdown over(absl::ZeroDuration());
  EXPECT_TRUE(over.IsOver());
  EXPECT_EQ(over.left(), absl::ZeroDuration());
  const Countdown brief(absl::Nanoseconds(1));
  while (!brief.IsOver()) {
  }
  EXPECT_EQ(brief.left(), absl::ZeroDuration());
  const Countdown hour(absl::Hours(1));
  EXPECT_FALSE(hour.IsOver());
  EXPECT_LE(hour.left(), absl::Hours(1));
}

TEST(CountdownTest, MayNeverRunOut) {
  const Countdown never;
  EXPECT_FALSE(never.IsOver());
  EXPECT_EQ(never.left(), absl::InfiniteDuration());
}

TEST(StopwatchTest, OnlyGoesOn) {
  const Stopwatch watch;
  absl::Duration last;
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_GE(watch.elapsed(), last);
    last = watch.elapsed();
  }
}

}  // namespace
}  // namespace archpool
