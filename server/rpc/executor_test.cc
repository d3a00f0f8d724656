#include "server/rpc/executor.h"

#include <atomic>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "server/rpc/timer.h"
#include "tests/support/status_matchers.h"

namespace archpool::rpc {
namespace {

TEST(ExecutorTest, RefusesWhatItsQueueCannotHold) {
  Executor executor(1, 2);
  absl::Notification started;
  absl::Notification go_on;
  std::atomic<int> ran = 0;
  ASSERT_THAT(executor.Run([&] {
    started.Notify();
    go_on.WaitForNotification();
  }),
              IsOk());
  started.WaitForNotification();
  EXPECT_THAT(executor.Run([&] { ++ran; }), IsOk());
  EXPECT_THAT(executor.Run([&] { ++ran; }), IsOk());
  EXPECT_THAT(executor.Run([&] { ++ran; }), FailsWith("SERVER_BUSY"));
  go_on.Notify();
  // What was taken is run before the stop ends.
  executor.Stop();
  EXPECT_EQ(ran, 2);
  EXPECT_THAT(executor.Run([&] { ++ran; }), FailsWith("SERVER_STOPPING"));
  EXPECT_EQ(ran, 2);
}

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
