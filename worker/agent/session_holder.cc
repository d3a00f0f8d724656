// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/session_holder.h"

#include "common/base/status.h"
#include "common/log/log.h"

namespace archpool {

absl::StatusOr<OpenedSession> SessionHolder::Get(const std::stop_token& stop) {
  const absl::MutexLock opening(&opening_mutex_);
  {
    const absl::MutexLock lock(&mutex_);
    if (opened_.session.IsSet()) return opened_;
  }
  if (stop.stop_requested()) {
    return MakeError(absl::StatusCode::kCancelled, "STOPPED",
                     "the worker stops: no session is opened");
  }
  if (!refusal_.ok() && !refused_.IsOver()) return refusal_;
  const absl::StatusOr<OpenedSession> reply = client_.OpenSession();
  refusal_ = IsTransient(reply.status()) ? absl::OkStatus() : reply.status();
  if (!refusal_.ok()) refused_ = Countdown(backoff_.Next());
  ARCHPOOL_RETURN_IF_ERROR(reply.status());
  const OpenedSession& opened = *reply;
  backoff_.Reset();
  LogInfo("session_open", "the pool opened a session for this worker",
          {{"session_id", opened.session}});
  const absl::MutexLock lock(&mutex_);
  if (!terms_said_.has_value() && opened.clock_skew.has_value()) {
    LogInfo("clock_compared",
            "this machine's clock was compared with the pool's; nothing is "
            "measured by it",
            {{"ahead_s", *opened.clock_skew}});
  }
  if (terms_said_ != opened.terms) {
    LogInfo("terms", "the pool states its terms", {{"terms", opened.terms}});
  }
  terms_said_ = opened.terms;
  opened_ = opened;
  return opened;
}

void SessionHolder::Lose(SessionId lost) {
  const absl::MutexLock lock(&mutex_);
  if (opened_.session != lost) return;
  LogWarn("session_lost", "the pool ended this worker's session",
          "a new one is opened; if it repeats, another worker of this account "
          "has the same --name",
          {{"session_id", lost}});
  opened_ = OpenedSession();
}

bool IsSessionLost(const absl::Status& status) {
  return GetReason(status) == "SESSION_UNKNOWN";
}

}  // namespace archpool
