// SPDX-License-Identifier: Apache-2.0
#include "common/base/signals.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/stop.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

// How a child that runs `body` ended: its exit code, or minus its signal.
int InChild(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(SignalStopTest, TheFirstSignalAsksToStop) {
  EXPECT_EQ(InChild([] {
              const SignalStop signals;
              kill(getpid(), SIGTERM);
              return WaitOrStop(signals.token(), absl::Seconds(60)) ? 0 : 1;
            }),
            0);
}

TEST(SignalStopTest, TheSecondSignalEndsTheProgram) {
  EXPECT_EQ(InChild([] {
              const SignalStop signals;
              kill(getpid(), SIGINT);
              WaitOrStop(signals.token(), absl::Seconds(60));
              kill(getpid(), SIGINT);
              WaitOrStop({}, absl::Seconds(60));
              return 1;
            }),
            130);
}

// Such a thread as OpenBLAS starts when it is loaded.
TEST(SignalStopTest, AThreadThatWasThereBeforeHandsTheSignalOn) {
  EXPECT_EQ(InChild([] {
              std::stop_source ends;
              std::jthread other([&ends] {
                WaitOrStop(ends.get_token(), absl::InfiniteDuration());
              });
              const SignalStop signals;
              // The waiting thread may not be there yet.
              absl::SleepFor(absl::Milliseconds(200));
              pthread_kill(other.native_handle(), SIGTERM);
              const bool is_stopped =
                  WaitOrStop(signals.token(), absl::Seconds(60));
              ends.request_stop();
              return is_stopped ? 0 : 1;
            }),
            0);
}

// A thread that was started before the stop is there must not take the signal.
TEST(SignalStopTest, SignalsWaitWhereTheyAreBlockedFirst) {
  EXPECT_EQ(InChild([] {
              const bool were_blocked = BlockStopSignals();
              std::stop_source ends;
              std::jthread other([&ends] {
                WaitOrStop(ends.get_token(), absl::InfiniteDuration());
              });
              kill(getpid(), SIGTERM);
              const SignalStop signals;
              const bool is_stopped =
                  WaitOrStop(signals.token(), absl::Seconds(60));
              ends.request_stop();
              return !were_blocked && BlockStopSignals() && is_stopped ? 0 : 1;
            }),
            0);
}

TEST(SignalStopTest, EndsAProgramThatDoesNotDrain) {
  EXPECT_EQ(InChild([] {
              const SignalStop signals(absl::ZeroDuration());
              kill(getpid(), SIGTERM);
              WaitOrStop({}, absl::Seconds(60));
              return 1;
            }),
            0);
}

}  // namespace
}  // namespace archpool
