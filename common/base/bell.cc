// SPDX-License-Identifier: Apache-2.0
#include "common/base/bell.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace archpool {
namespace {

// Far from overflow in nanoseconds.
constexpr absl::Duration kLongestRest = absl::Hours(24 * 365);

}  // namespace

void Bell::Ring() {
  {
    const std::lock_guard lock(mutex_);
    has_rung_ = true;
  }
  condition_.notify_all();
}

bool Bell::Wait(const std::stop_token& stop, absl::Duration longest) {
  std::unique_lock lock(mutex_);
  condition_.wait_for(
      lock, stop, absl::ToChronoNanoseconds(std::min(longest, kLongestRest)),
      [this] { return has_rung_; });
  return std::exchange(has_rung_, false);
}

}  // namespace archpool
