// How fast this machine's uploads were, as they were seen. Thread-safe.
#ifndef ARCHPOOL_COMMON_CHANNEL_LINE_METER_H_
#define ARCHPOOL_COMMON_CHANNEL_LINE_METER_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace archpool {

class LineMeter {
 public:
  // So many bytes were acknowledged, so long after the first was sent. Few
  // bytes say more of the distance than of the line: they are not counted.
  void Add(int64_t bytes, absl::Duration elapsed) ABSL_LOCKS_EXCLUDED(mutex_);

  // Later uploads count more; 0: nothing was seen yet.
  int64_t bytes_per_second() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable absl::Mutex mutex_;
  int64_t bytes_per_second_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_LINE_METER_H_
