// SPDX-License-Identifier: Apache-2.0
// Lets one line of many through in a while, and counts the others. Thread-safe.
#ifndef ARCHPOOL_SERVER_LINE_LIMIT_H_
#define ARCHPOOL_SERVER_LINE_LIMIT_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace archpool {

class LineLimit {
 public:
  explicit LineLimit(absl::Duration interval) : interval_(interval) {}

  // How many were held back since the last one that was let through; nullopt
  // where this one is held back too.
  std::optional<int64_t> Take(absl::Time now) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    if (now < next_) {
      ++held_back_;
      return std::nullopt;
    }
    next_ = now + interval_;
    return std::exchange(held_back_, 0);
  }

 private:
  const absl::Duration interval_;
  absl::Mutex mutex_;
  absl::Time next_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  int64_t held_back_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_LINE_LIMIT_H_
