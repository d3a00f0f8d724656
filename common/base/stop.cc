// SPDX-License-Identifier: Apache-2.0
#include "common/base/stop.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace archpool {
namespace {

// Later than any process lives, and far from overflow in nanoseconds.
constexpr absl::Duration kLongestWait = absl::Hours(24 * 365);

}  // namespace

bool WaitOrStop(const std::stop_token& stop, absl::Duration duration) {
  std::mutex mutex;
  std::condition_variable_any condition;
  std::unique_lock lock(mutex);
  condition.wait_for(
      lock, stop, absl::ToChronoNanoseconds(std::min(duration, kLongestWait)),
      [] { return false; });
  return stop.stop_requested();
}

LateStop::LateStop(const std::stop_token& stop, absl::Duration grace)
    : waiter_([this, stop, grace](const std::stop_token& ended) {
        std::stop_source begun;
        const std::stop_callback on_stop(stop, [&] { begun.request_stop(); });
        const std::stop_callback on_end(ended, [&] { begun.request_stop(); });
        WaitOrStop(begun.get_token(), absl::InfiniteDuration());
        if (!WaitOrStop(ended, grace)) late_.request_stop();
      }) {}

}  // namespace archpool
