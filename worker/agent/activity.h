// SPDX-License-Identifier: Apache-2.0
// What the worker is doing, between the thread that does it and the one that
// tells the pool. Thread-safe.
#ifndef ARCHPOOL_WORKER_AGENT_ACTIVITY_H_
#define ARCHPOOL_WORKER_AGENT_ACTIVITY_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "worker/agent/work_client.h"

namespace archpool {

class Activity {
 public:
  void Train(TrialId trial);
  void SetStep(int64_t step, int64_t steps);
  // Nothing is being trained.
  void Rest(WorkerActivity activity);

  // All but the leases and the trials that are kept.
  HeartbeatReport Report() const;

 private:
  mutable absl::Mutex mutex_;
  HeartbeatReport report_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_ACTIVITY_H_
