// SPDX-License-Identifier: Apache-2.0
#include "server/engine/executor.h"

#include <atomic>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace archpool {
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

}  // namespace
}  // namespace archpool
