// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/heartbeat.h"

#include "common/base/status.h"
#include "common/base/stop.h"
#include "common/log/log.h"
#include "common/log/log_label.h"

namespace archpool {
namespace {

// While there is no session to beat for.
constexpr absl::Duration kNoSessionPause = absl::Seconds(1);

}  // namespace

Heartbeat::Heartbeat(WorkClient& client, SessionHolder& session,
                     const Activity& activity, LeaseBook& book)
    : client_(client),
      session_(session),
      activity_(activity),
      book_(book),
      thread_([this, label = LogLabel::Current()](const std::stop_token& stop) {
        const LogLabel own(label);
        Beat(stop);
      }) {}

void Heartbeat::Beat(const std::stop_token& stop) {
  bool was_heard = true;
  absl::Duration pause;
  while (!WaitOrStop(stop, pause)) {
    const absl::StatusOr<OpenedSession> opened = session_.Get(stop);
    pause = opened.ok() ? opened->heartbeat_interval : kNoSessionPause;
    if (!opened.ok()) continue;
    HeartbeatReport report = activity_.Report();
    report.leases = book_.leases();
    const absl::StatusOr<HeartbeatReply> reply =
        client_.Heartbeat(opened->session, report);
    if (reply.ok()) {
      book_.End(reply->ended);
      book_.Withdraw(reply->withdrawn);
    } else if (IsSessionLost(reply.status())) {
      // Leases pass on to the next session of the same name.
      session_.Lose(opened->session);
    }
    if (reply.ok() != was_heard) {
      was_heard = reply.ok();
      if (was_heard) {
        LogInfo("heartbeat_back", "the server hears this worker again");
      } else {
        LogWarn("heartbeat_lost", "the server does not hear this worker",
                "the worker trains on and keeps calling; if it lasts, see "
                "whether the server can be reached",
                {{"error", reply.status()}});
      }
    }
  }
}

}  // namespace archpool
