// SPDX-License-Identifier: Apache-2.0
#include "common/base/countdown.h"

#include <algorithm>
#include <ctime>

namespace archpool {
namespace {

absl::Duration TimeSinceBoot() {
  timespec now{};
  // Fails on kernels alone that have no such clock.
  if (clock_gettime(CLOCK_BOOTTIME, &now) != 0) {
    clock_gettime(CLOCK_MONOTONIC, &now);
  }
  return absl::DurationFromTimespec(now);
}

}  // namespace

Stopwatch::Stopwatch() : start_(TimeSinceBoot()) {}

absl::Duration Stopwatch::elapsed() const { return TimeSinceBoot() - start_; }

absl::Duration Countdown::left() const {
  return std::max(absl::ZeroDuration(), total_ - watch_.elapsed());
}

}  // namespace archpool
