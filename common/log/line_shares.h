// SPDX-License-Identifier: Apache-2.0
// How many lines each place of a library's source may write into the log in a
// while: what a library says of each peer, a peer could fill a disk with.
// Thread-safe.
#ifndef ARCHPOOL_COMMON_LOG_LINE_SHARES_H_
#define ARCHPOOL_COMMON_LOG_LINE_SHARES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace archpool {

class LineShares {
 public:
  LineShares(int64_t lines_max, absl::Duration interval)
      : lines_max_(lines_max), interval_(interval) {}

  // How many of that place were held back in the interval before; nullopt: this
  // one is held back too. REQUIRES: there are as few places as source has, and
  // `passed` is of one clock that is not set.
  std::optional<int64_t> Take(const std::string& file, int line,
                              absl::Duration passed)
      ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    Share& share = shares_[{file, line}];
    if (passed >= share.end) {
      share.end = passed + interval_;
      share.lines = 0;
    }
    if (share.lines >= lines_max_) {
      ++share.held_back;
      return std::nullopt;
    }
    ++share.lines;
    return std::exchange(share.held_back, 0);
  }

 private:
  struct Share {
    absl::Duration end = -absl::InfiniteDuration();  // of the interval
    int64_t lines = 0;                               // in it
    int64_t held_back = 0;
  };

  const int64_t lines_max_;
  const absl::Duration interval_;
  absl::Mutex mutex_;
  absl::btree_map<std::pair<std::string, int>, Share> shares_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_LOG_LINE_SHARES_H_
