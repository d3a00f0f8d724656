// SPDX-License-Identifier: Apache-2.0
#include "common/base/stop.h"

#include <thread>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

TEST(WaitOrStopTest, AnswersFalseWhenTheTimeIsOver) {
  std::stop_source source;
  EXPECT_FALSE(WaitOrStop(source.get_token(), absl::Milliseconds(1)));
}

TEST(WaitOrStopTest, DoesNotWaitWhereItWasStoppedBefore) {
  std::stop_source source;
  source.request_stop();
  EXPECT_TRUE(WaitOrStop(source.get_token(), absl::InfiniteDuration()));
}

// An endless wait must end with the request, from another thread.
TEST(WaitOrStopTest, EndsWithTheRequest) {
  std::stop_source source;
  std::jthread stopper([&source] { source.request_stop(); });
  EXPECT_TRUE(WaitOrStop(source.get_token(), absl::InfiniteDuration()));
}

TEST(LateStopTest, FollowsTheFirstStop) {
  std::stop_source stop;
  const LateStop late(stop.get_token(), absl::ZeroDuration());
  EXPECT_FALSE(late.token().stop_requested());
  stop.request_stop();
  EXPECT_TRUE(WaitOrStop(late.token(), absl::Seconds(20)));
}

TEST(LateStopTest, EndsBeforeItsTime) {
  std::stop_source stop;
  std::stop_token token;
  {
    const LateStop late(stop.get_token(), absl::Hours(1));
    token = late.token();
    stop.request_stop();
  }
  EXPECT_FALSE(token.stop_requested());
}

}  // namespace
}  // namespace archpool
