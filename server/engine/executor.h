// SPDX-License-Identifier: Apache-2.0
// A few threads for work that blocks: reads of the database, blobs on disk.
// gRPC's own threads and the engine's never wait for either. Thread-safe.
#ifndef ARCHPOOL_SERVER_ENGINE_EXECUTOR_H_
#define ARCHPOOL_SERVER_ENGINE_EXECUTOR_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace archpool {

class Executor {
 public:
  // At most `queue_max` jobs wait.
  Executor(int threads, int64_t queue_max);
  ~Executor();  // stops

  // UNAVAILABLE (SERVER_BUSY: too many wait; SERVER_STOPPING): ask again. The
  // job has not run and will not.
  absl::Status Run(std::function<void()> job) ABSL_LOCKS_EXCLUDED(mutex_);

  // Takes no more jobs, runs those that wait, ends the threads. Idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Work() ABSL_LOCKS_EXCLUDED(mutex_);

  const int64_t queue_max_;
  absl::Mutex mutex_;
  std::deque<std::function<void()>> jobs_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_ENGINE_EXECUTOR_H_
