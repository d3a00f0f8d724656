// SPDX-License-Identifier: Apache-2.0
// Calls back at a time, on one thread of its own. Thread-safe. It runs on the
// monotonic clock: a correction of the wall clock delays nothing.
#ifndef ARCHPOOL_SERVER_RPC_TIMER_H_
#define ARCHPOOL_SERVER_RPC_TIMER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/bell.h"

namespace archpool::rpc {

class Timer {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  // Names a call that is due.
  using Entry = std::pair<Moment, int64_t>;

  Timer();
  ~Timer();  // stops

  // `callback` must not block. It is dropped where the timer stops first.
  Entry After(absl::Duration delay, std::function<void()> callback)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // True: it has not been called and will not be. False: it was, or is being
  // called now.
  bool Cancel(const Entry& entry) ABSL_LOCKS_EXCLUDED(mutex_);

  // Idempotent. Not from a callback.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);

  absl::Mutex mutex_;
  std::map<Entry, std::function<void()>> due_ ABSL_GUARDED_BY(mutex_);
  int64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Bell changed_;
  std::thread thread_;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_TIMER_H_
