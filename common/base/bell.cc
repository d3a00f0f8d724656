#include "common/base/bell.h"

#include <algorithm>
#include <utility>

namespace archpool {
namespace {

// Later than any process lives, and far from overflow in nanoseconds.
constexpr absl::Duration kLongest = absl::Hours(24 * 365);

}  // namespace

void Bell::Ring() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(is_rung_, true)) return;
  }
  rung_.notify_one();
}

bool Bell::Wait(absl::Duration duration) {
  std::unique_lock lock(mutex_);
  rung_.wait_for(lock, absl::ToChronoNanoseconds(std::min(duration, kLongest)),
                 [this] { return is_rung_; });
  return std::exchange(is_rung_, false);
}

}  // namespace archpool
