// SPDX-License-Identifier: Apache-2.0
// The worker's session, opened again when the server no longer knows it.
// Thread-safe.
#ifndef ARCHPOOL_WORKER_AGENT_SESSION_HOLDER_H_
#define ARCHPOOL_WORKER_AGENT_SESSION_HOLDER_H_

#include <optional>
#include <stop_token>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/base/countdown.h"
#include "common/channel/retry.h"
#include "worker/agent/work_client.h"

namespace archpool {

class SessionHolder {
 public:
  // `client` outlives this.
  SessionHolder(WorkClient& client, const RetryPolicy& policy)
      : client_(client), backoff_(policy) {}

  // The session; opened where there is none, tried once. CANCELLED (STOPPED) on
  // `stop`; the server's refusal, which stands for a while, longer each time:
  // nobody gains where two workers fight for one name.
  absl::StatusOr<OpenedSession> Get(const std::stop_token& stop);

  // The server does not know `lost`: the next Get opens another one.
  void Lose(SessionId lost);

 private:
  WorkClient& client_;
  // Held over the call: all threads wait for the one session.
  absl::Mutex opening_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  // What the server said last, and how long that is not asked again.
  absl::Status refusal_ ABSL_GUARDED_BY(opening_mutex_);
  Countdown refused_ ABSL_GUARDED_BY(opening_mutex_);
  Backoff backoff_ ABSL_GUARDED_BY(opening_mutex_);
  absl::Mutex mutex_;
  OpenedSession opened_ ABSL_GUARDED_BY(mutex_);
  std::optional<std::string> terms_said_ ABSL_GUARDED_BY(mutex_);
};

// Whether the server says that the session is over.
bool IsSessionLost(const absl::Status& status);

// Calls `call(session)`; where the server no longer knows the session, opens
// another one and calls again, once.
template <typename Call>
auto WithSession(SessionHolder& holder, const std::stop_token& stop, Call call)
    -> decltype(call(SessionId())) {
  absl::StatusOr<OpenedSession> opened = holder.Get(stop);
  if (!opened.ok()) return opened.status();
  auto result = call(opened->session);
  if (!IsSessionLost(GetStatus(result))) return result;
  holder.Lose(opened->session);
  opened = holder.Get(stop);
  if (!opened.ok()) return opened.status();
  return call(opened->session);
}

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_SESSION_HOLDER_H_
