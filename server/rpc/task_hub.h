// SPDX-License-Identifier: Apache-2.0
// Tells those who watch a task that it changed. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_TASK_HUB_H_
#define ARCHPOOL_SERVER_RPC_TASK_HUB_H_

#include <cstdint>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/synchronization/mutex.h"
#include "common/model/ids.h"

namespace archpool::rpc {

// One account's part of the watches that a server takes.
inline constexpr int64_t kWatchesPerAccountMax = 64;

class TaskHub {
 public:
  explicit TaskHub(int64_t subscribers_max)
      : subscribers_max_(subscribers_max) {}

  // `changed` must not block. 0: there are too many, or too many of `account`.
  int64_t Subscribe(TaskId task, AccountId account,
                    std::function<void()> changed) ABSL_LOCKS_EXCLUDED(mutex_);
  // `changed` may still be in a call that began before.
  void Unsubscribe(TaskId task, int64_t subscriber) ABSL_LOCKS_EXCLUDED(mutex_);
  // All that there are.
  int64_t count() const ABSL_LOCKS_EXCLUDED(mutex_);
  // The account's.
  int64_t CountOf(AccountId account) const ABSL_LOCKS_EXCLUDED(mutex_);
  void Touch(TaskId task) ABSL_LOCKS_EXCLUDED(mutex_);
  void TouchAll() ABSL_LOCKS_EXCLUDED(mutex_);
  // Those that the account watches by: whether it still may is asked again.
  void TouchOf(AccountId account) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Subscriber {
    AccountId account;
    std::function<void()> changed;
  };
  using Subscribers = absl::btree_map<int64_t, Subscriber>;

  const int64_t subscribers_max_;
  mutable absl::Mutex mutex_;
  absl::btree_map<TaskId, Subscribers> tasks_ ABSL_GUARDED_BY(mutex_);
  absl::btree_map<AccountId, int64_t> counts_ ABSL_GUARDED_BY(mutex_);
  int64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t count_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_TASK_HUB_H_
