// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/heartbeat.h"

#include <iterator>

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/log/log_label.h"
#include "common/wire/request_limits.h"

namespace archpool {
namespace {

// While there is no session to beat for.
constexpr absl::Duration kNoSessionPause = absl::Seconds(1);

}  // namespace

Heartbeat::Heartbeat(WorkClient& client, SessionHolder& session,
                     const Activity& activity, LeaseBook& book, Prover& prover)
    : client_(client),
      session_(session),
      activity_(activity),
      book_(book),
      prover_(prover),
      thread_([this, label = LogLabel::Current()](const std::stop_token& stop) {
        const LogLabel own(label);
        Run(stop);
      }) {}

void Heartbeat::Run(const std::stop_token& stop) {
  bool was_heard = true;
  absl::Duration pause;
  while (true) {
    prover_.WaitForPoke(stop, pause);
    if (stop.stop_requested()) return;
    const absl::StatusOr<OpenedSession> opened = session_.Get(stop);
    pause = opened.ok() ? opened->heartbeat_interval : kNoSessionPause;
    if (!opened.ok()) continue;
    const absl::Status heard = Beat(opened->session);
    // Leases pass on to the next session of the same name.
    if (IsSessionLost(heard)) session_.Lose(opened->session);
    if (heard.ok() != was_heard) {
      was_heard = heard.ok();
      if (was_heard) {
        LogInfo("heartbeat_back", "the server hears this worker again");
      } else {
        LogWarn("heartbeat_lost", "the server does not hear this worker",
                "the worker trains on and keeps calling; if it lasts, see "
                "whether the server can be reached",
                {{"error", heard}});
      }
    }
  }
}

absl::Status Heartbeat::Beat(SessionId session) {
  const Prover::Question question = prover_.Ask();
  // Once without any: what is asked may be of trials that this disk lost.
  auto next = question.kept.begin();
  do {
    HeartbeatReport report = activity_.Report();
    report.leases = book_.leases();
    while (next != question.kept.end() &&
           std::ssize(report.kept) < limits::kTrialsKeptMax) {
      report.kept.push_back((next++)->first);
    }
    ARCHPOOL_ASSIGN_OR_RETURN(const HeartbeatReply reply,
                              client_.Heartbeat(session, report));
    book_.End(reply.ended);
    book_.Withdraw(reply.withdrawn);
    prover_.Hear(question, reply);
  } while (next != question.kept.end());
  prover_.HearEnd(question);
  return absl::OkStatus();
}

}  // namespace archpool
