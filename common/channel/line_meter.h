// SPDX-License-Identifier: Apache-2.0
// How fast this machine's uploads were of late, as they were seen. Thread-safe.
#ifndef ARCHPOOL_COMMON_CHANNEL_LINE_METER_H_
#define ARCHPOOL_COMMON_CHANNEL_LINE_METER_H_

#include <cstdint>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace archpool {

class LineMeter {
 public:
  // What was seen says nothing any more so long after the last upload: a worker
  // that is given nothing because its line was slow would never measure it
  // again.
  static constexpr absl::Duration kTerm = absl::Minutes(30);

  LineMeter();
  // `elapsed`: since any one moment, suspensions of the machine included.
  explicit LineMeter(std::function<absl::Duration()> elapsed);

  // This many bytes were acknowledged, so long after the first was sent. Few
  // bytes say more of the distance than of the line: they are not counted.
  void Add(int64_t bytes, absl::Duration took) ABSL_LOCKS_EXCLUDED(mutex_);

  // Later uploads count more; 0: nothing was seen of late.
  int64_t bytes_per_second() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  int64_t Fresh() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::function<absl::Duration()> elapsed_;
  mutable absl::Mutex mutex_;
  int64_t bytes_per_second_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_LINE_METER_H_
