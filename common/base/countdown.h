// SPDX-License-Identifier: Apache-2.0
// Time that passes, by a clock that nobody sets: neither an operator's hand nor
// another machine's idea of the hour changes how much of it there is. It runs
// on while the machine sleeps. Value types; thread-compatible.
#ifndef ARCHPOOL_COMMON_BASE_COUNTDOWN_H_
#define ARCHPOOL_COMMON_BASE_COUNTDOWN_H_

#include "absl/time/time.h"

namespace archpool {

// How long ago it was made.
class Stopwatch {
 public:
  Stopwatch();
  absl::Duration elapsed() const;

 private:
  absl::Duration start_;
};

// How long something still has.
class Countdown {
 public:
  // Never over.
  Countdown() : Countdown(absl::InfiniteDuration()) {}
  explicit Countdown(absl::Duration left) : total_(left) {}

  // Not below zero.
  absl::Duration left() const;
  bool IsOver() const { return left() <= absl::ZeroDuration(); }

 private:
  absl::Duration total_;
  Stopwatch watch_;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_COUNTDOWN_H_
