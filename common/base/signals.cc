#include "common/base/signals.h"

#include <signal.h>

#include <cstdlib>
#include <ctime>

#include "common/base/check.h"

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

}  // namespace

SignalStop::SignalStop() {
  const sigset_t signals = StopSignals();
  // Threads inherit the mask, so that only the waiter below sees the signals.
  ARCHPOOL_CHECK(pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0);
  waiter_ = std::jthread([this, signals](const std::stop_token& ended) {
    while (!ended.stop_requested()) {
      if (sigtimedwait(&signals, nullptr, &kPoll) < 0) continue;
      if (!source_.request_stop()) std::_Exit(kExitInterrupted);
    }
  });
}

SignalStop::~SignalStop() = default;

}  // namespace archpool
