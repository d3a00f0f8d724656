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

}  // namespace
}  // namespace archpool
