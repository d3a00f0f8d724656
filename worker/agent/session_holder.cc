// SPDX-License-Identifier: Apache-2.0
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
  if (!refusal_.ok() && !refused_.IsOver()) return refusal_;
  const absl::StatusOr<OpenedSession> reply = client_.OpenSession();
  refusal_ = IsTransient(reply.status()) ? absl::OkStatus() : reply.status();
  if (!refusal_.ok()) refused_ = Countdown(backoff_.Next());
  ARCHPOOL_RETURN_IF_ERROR(reply.status());
  const OpenedSession& opened = *reply;
  backoff_.Reset();
  spdlog::info("{} is open", opened.session.ToString());
  const absl::MutexLock lock(&mutex_);
  if (!terms_said_.has_value() && opened.clock_skew.has_value()) {
    spdlog::info(
        "this machine's clock is {} {} the pool's; nothing is measured by it",
        absl::FormatDuration(absl::Trunc(absl::AbsDuration(*opened.clock_skew),
                                         absl::Milliseconds(1))),
        *opened.clock_skew < absl::ZeroDuration() ? "behind" : "ahead of");
  }
  if (terms_said_ != opened.terms) spdlog::info("{}", opened.terms);
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
