// SPDX-License-Identifier: Apache-2.0
#include "common/base/bell.h"

#include <thread>

#include "common/base/countdown.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

TEST(BellTest, ARingEndsOneWait) {
  Bell bell;
  bell.Ring();
  bell.Ring();
  EXPECT_TRUE(bell.Wait(absl::InfiniteDuration()));
  const Stopwatch watch;
  EXPECT_FALSE(bell.Wait(absl::Milliseconds(2)));
  EXPECT_GE(watch.elapsed(), absl::Milliseconds(2));
}

TEST(BellTest, ARingFromElsewhereEndsAWait) {
  Bell bell;
  std::jthread ringer([&bell] { bell.Ring(); });
  EXPECT_TRUE(bell.Wait(absl::InfiniteDuration()));
}

TEST(BellTest, AStopEndsAWait) {
  Bell bell;
  std::stop_source stop;
  std::jthread stopper([&stop] { stop.request_stop(); });
  EXPECT_FALSE(bell.Wait(stop.get_token(), absl::InfiniteDuration()));
  EXPECT_TRUE(stop.stop_requested());
}

}  // namespace
}  // namespace archpool
