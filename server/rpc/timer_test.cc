// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/timer.h"

#include <atomic>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace archpool::rpc {
namespace {

TEST(TimerTest, CallsInOrderOfTimeAndNotWhatWasCancelled) {
  Timer timer;
  std::vector<int> called;
  absl::Notification last;
  timer.After(absl::Milliseconds(20), [&] {
    called.push_back(2);
    last.Notify();
  });
  timer.After(absl::Milliseconds(5), [&] { called.push_back(1); });
  const auto cancelled =
      timer.After(absl::Milliseconds(10), [&] { called.push_back(3); });
  EXPECT_TRUE(timer.Cancel(cancelled));
  EXPECT_FALSE(timer.Cancel(cancelled));
  last.WaitForNotification();
  EXPECT_EQ(called, (std::vector<int>{1, 2}));
}

TEST(TimerTest, StopDropsWhatIsNotDue) {
  std::atomic<bool> called = false;
  Timer timer;
  timer.After(absl::Hours(1), [&] { called = true; });
  timer.Stop();
  timer.After(absl::ZeroDuration(), [&] { called = true; });
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace archpool::rpc
