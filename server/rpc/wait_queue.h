// SPDX-License-Identifier: Apache-2.0
// Long polls that wait for something to come. First in, first woken; one that
// is woken and finds that another caller was faster waits again at the end.
// Bounded: in all, and per account. Thread-safe.
//
// No wake-up is lost: a caller reads `version()` before it asks the engine, and
// hands it to Park; where something came meanwhile, it is woken at once.
#ifndef ARCHPOOL_SERVER_RPC_WAIT_QUEUE_H_
#define ARCHPOOL_SERVER_RPC_WAIT_QUEUE_H_

#include <cstdint>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/model/ids.h"
#include "server/rpc/timer.h"

namespace archpool::rpc {

// Why a waiter is called back.
enum class Wake {
  kEvent,    // ask again
  kTimeout,  // its time is over
  kRefused,  // too many wait, or the server stops: answer with what there is
};

struct WaitLimits {
  int64_t waiters_max = 20'000;
  int64_t per_account_max = 1'024;
};

class WaitQueue {
 public:
  using WaiterId = int64_t;
  using Callback = std::function<void(Wake)>;

  // `timer` outlives the queue.
  WaitQueue(Timer& timer, const WaitLimits& limits)
      : timer_(timer), limits_(limits) {}

  // Counts the calls of Notify and NotifyOf.
  int64_t version() const ABSL_LOCKS_EXCLUDED(mutex_);

  // `callback` is called exactly once, possibly before Park returns and on any
  // thread, unless Cancel returns true. It must not block.
  WaiterId Park(AccountId account, absl::Duration wait, int64_t seen_version,
                Callback callback) ABSL_LOCKS_EXCLUDED(mutex_);

  // True: the waiter was waiting, and is forgotten.
  bool Cancel(WaiterId id) ABSL_LOCKS_EXCLUDED(mutex_);

  // Something came that `count` waiters can use. Callbacks run here, or in the
  // call of Notify that is at it already.
  void Notify(int64_t count) ABSL_LOCKS_EXCLUDED(mutex_);

  // Something changed for the account's waiters, and maybe for the worse: they
  // ask again, those that are about to wait too. Callbacks run here.
  void NotifyOf(AccountId account) ABSL_LOCKS_EXCLUDED(mutex_);

  // Refuses those that wait and all that come.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  int64_t size() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Waiter {
    AccountId account;
    Callback callback;
    Timer::Entry deadline;
  };
  Callback Take(WaiterId id) ABSL_LOCKS_EXCLUDED(mutex_);
  Callback TakeLocked(WaiterId id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Timer& timer_;
  const WaitLimits limits_;
  mutable absl::Mutex mutex_;
  // By arrival.
  absl::btree_map<WaiterId, Waiter> waiters_ ABSL_GUARDED_BY(mutex_);
  absl::btree_map<AccountId, int64_t> per_account_ ABSL_GUARDED_BY(mutex_);
  WaiterId last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t version_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // How many are still to be woken, and whether a call of Notify is at it: what
  // one that is woken passes on is done by that call, not within it.
  int64_t owed_ ABSL_GUARDED_BY(mutex_) = 0;
  bool is_waking_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_WAIT_QUEUE_H_
