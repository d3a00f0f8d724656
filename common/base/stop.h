// SPDX-License-Identifier: Apache-2.0
// Waiting that can be called off. Thread-safe.
#ifndef ARCHPOOL_COMMON_BASE_STOP_H_
#define ARCHPOOL_COMMON_BASE_STOP_H_

#include <stop_token>
#include <thread>

#include "absl/time/time.h"

namespace archpool {

// Waits for `duration`, or until `stop` is requested, whichever comes first.
// Answers whether it was requested.
bool WaitOrStop(const std::stop_token& stop, absl::Duration duration);

// A stop that follows another one after a grace: what is left to be said when a
// program is asked to stop is said within it, and cut off after it.
class LateStop {
 public:
  LateStop(const std::stop_token& stop, absl::Duration grace);

  std::stop_token token() const { return late_.get_token(); }

 private:
  std::stop_source late_;
  std::jthread waiter_;  // last: it uses all of the above
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_STOP_H_
