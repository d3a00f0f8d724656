#include "worker/agent/session_holder.h"

#include <spdlog/spdlog.h>

#include "common/base/status.h"

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
  ARCHPOOL_ASSIGN_OR_RETURN(const OpenedSession opened, client_.OpenSession());
  spdlog::info("{} is open", opened.session.ToString());
  const absl::MutexLock lock(&mutex_);
  if (opened.terms != terms_said_) spdlog::info("{}", opened.terms);
  terms_said_ = opened.terms;
  opened_ = opened;
  return opened;
}

void SessionHolder::Lose(SessionId lost) {
  const absl::MutexLock lock(&mutex_);
  if (opened_.session != lost) return;
  spdlog::warn(
      "{} is over: another worker of this account and name may be running",
      lost.ToString());
  opened_ = OpenedSession();
}

bool IsSessionLost(const absl::Status& status) {
  return GetReason(status) == "SESSION_UNKNOWN";
}

}  // namespace archpool
