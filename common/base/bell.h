// SPDX-License-Identifier: Apache-2.0
// One thread waits for a bell that others ring, for so long at most by a clock
// that nobody sets: absl::Mutex waits until an hour of the day, and sleeps on
// where somebody sets the clock back. Thread-safe.
#ifndef ARCHPOOL_COMMON_BASE_BELL_H_
#define ARCHPOOL_COMMON_BASE_BELL_H_

#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "absl/time/time.h"

namespace archpool {

class Bell {
 public:
  void Ring();
  // Until it is rung, or was since the last wait, or `longest` has passed.
  // True: it was rung.
  bool Wait(absl::Duration longest) { return Wait({}, longest); }
  // Or until `stop` is requested.
  bool Wait(const std::stop_token& stop, absl::Duration longest);

 private:
  std::mutex mutex_;
  std::condition_variable_any condition_;
  bool has_rung_ = false;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_BELL_H_
