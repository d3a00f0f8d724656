// SPDX-License-Identifier: Apache-2.0
#include "common/base/signals.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <optional>

#include "common/base/check.h"
#include "common/base/countdown.h"

namespace archpool {
namespace {

constexpr int kExitInterrupted = 130;
// How soon the waiting thread sees that the program ends by itself.
constexpr timespec kPoll = {.tv_sec = 0, .tv_nsec = 50'000'000};

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

// The thread that takes the signals.
std::atomic<pid_t> taker = 0;

// In a thread that does not block them, since a library started it before main:
// the default action would end the process.
void HandOn(int signal) {
  const int error = errno;
  syscall(SYS_tgkill, getpid(), taker.load(), signal);
  errno = error;
}

void HandleStopSignals(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM}) {
    ARCHPOOL_CHECK(sigaction(signal, &action, nullptr) == 0);
  }
}

}  // namespace

bool BlockStopSignals() {
  const sigset_t signals = StopSignals();
  sigset_t before;
  sigemptyset(&before);
  // Threads inherit the mask, and so do programs.
  ARCHPOOL_CHECK(pthread_sigmask(SIG_BLOCK, &signals, &before) == 0);
  return sigismember(&before, SIGINT) == 1 &&
         sigismember(&before, SIGTERM) == 1;
}

SignalStop::SignalStop(absl::Duration drain_max) {
  BlockStopSignals();
  waiter_ = std::jthread([this, drain_max](const std::stop_token& ended) {
    const sigset_t signals = StopSignals();
    taker = static_cast<pid_t>(syscall(SYS_gettid));
    HandleStopSignals(HandOn);
    std::optional<Countdown> drain;
    while (!ended.stop_requested()) {
      if (drain.has_value() && drain->IsOver()) std::_Exit(0);
      if (sigtimedwait(&signals, nullptr, &kPoll) < 0) continue;
      if (!source_.request_stop()) std::_Exit(kExitInterrupted);
      drain.emplace(drain_max);
    }
  });
}

SignalStop::~SignalStop() {
  waiter_.request_stop();
  waiter_.join();
  HandleStopSignals(SIG_DFL);
}

}  // namespace archpool
