// SPDX-License-Identifier: Apache-2.0
// SIGINT and SIGTERM as a stop token. The first one asks the program to drain;
// a second one ends it at once.
#ifndef ARCHPOOL_COMMON_BASE_SIGNALS_H_
#define ARCHPOOL_COMMON_BASE_SIGNALS_H_

#include <stop_token>
#include <thread>

#include "absl/time/time.h"

namespace archpool {

// Keeps SIGINT and SIGTERM from every thread that is started from here on, and
// from the programs that this one executes: until a SignalStop is there they
// wait. A thread that does not block them would take their default action, and
// with it the process. Answers whether they were blocked before.
bool BlockStopSignals();

// At most one per process, made first thing in main. A thread that a library
// started earlier, as it was loaded, hands signals on.
// Thread-safe.
class SignalStop {
 public:
  SignalStop() : SignalStop(absl::InfiniteDuration()) {}
  // After `drain_max` the process ends with exit code 0, whatever it does: for
  // programs that lose nothing when they are killed, and compute in libraries
  // that cannot be called off.
  explicit SignalStop(absl::Duration drain_max);
  ~SignalStop();
  SignalStop(const SignalStop&) = delete;
  SignalStop& operator=(const SignalStop&) = delete;

  // Requested by the first signal.
  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::jthread waiter_;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_SIGNALS_H_
