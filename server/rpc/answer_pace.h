// SPDX-License-Identifier: Apache-2.0
// Sends the answers of calls at the pace of the accounts that made them
// (call_pace.h). Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_ANSWER_PACE_H_
#define ARCHPOOL_SERVER_RPC_ANSWER_PACE_H_

#include <cstdint>
#include <functional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/model/ids.h"
#include "server/rpc/call_pace.h"
#include "server/rpc/session_directory.h"
#include "server/rpc/timer.h"

namespace archpool::rpc {

// Whether a call that ended so came to nothing by its caller's doing, and not
// because the pool, its database or the line failed.
bool CameToNothing(const absl::Status& status);

class AnswerPace {
 public:
  // Told of each answer that goes out late, on any thread.
  using OnLate = std::function<void()>;
  // Sends an answer, which waited for `late`. It must not block.
  using Answer = std::function<void(absl::Duration late)>;

  // All outlive it.
  AnswerPace(const CallPaceLimits& limits, const SessionDirectory& sessions,
             Timer& timer, OnLate on_late)
      : sessions_(sessions),
        timer_(timer),
        on_late_(std::move(on_late)),
        pace_(limits) {}

  // Counts a call of `account` (unset: of somebody unknown), and calls `answer`
  // exactly once: here, or on the timer's thread when its time has come, or at
  // the stop.
  void Send(AccountId account, bool came_to_nothing, Answer answer)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Sends all that wait, and from now on each at once. REQUIRES: the timer
  // runs. Idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Release(int64_t id) ABSL_LOCKS_EXCLUDED(mutex_);

  const SessionDirectory& sessions_;
  Timer& timer_;
  const OnLate on_late_;
  absl::Mutex mutex_;
  CallPace pace_ ABSL_GUARDED_BY(mutex_);
  int64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  struct Waiting {
    absl::Duration late;
    Answer answer;
  };
  absl::btree_map<int64_t, Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_ANSWER_PACE_H_
