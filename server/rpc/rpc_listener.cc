// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/rpc_listener.h"

#include <variant>

namespace archpool::rpc {
namespace {

// Not every verifier can compute in an audit's class.
constexpr int64_t kVerifiersWoken = 16;

}  // namespace

void RpcListener::OnLoad(const PoolSnapshot& snapshot) {
  // The snapshot says nothing about tasks that ended in a commit nobody heard
  // of.
  parts_.views.Load(snapshot.records);
  parts_.hub.TouchAll();
  NoteAll(snapshot.records);
}

void RpcListener::OnCommit(absl::Span<const Event> events) {
  // Those who watch are told after it: they read the view again.
  parts_.views.Apply(events);
  NoteAll(events);
}

void RpcListener::NoteAll(absl::Span<const Event> events) {
  for (const Event& event : events) {
    std::visit([this](const auto& record) { Note(record); }, event);
  }
  // Once for each task, however many of its trials changed.
  for (const TaskId task : touched_) parts_.hub.Touch(task);
  touched_.clear();
}

// What is under way by a token that is over ends: it asks again, and hears so.
void RpcListener::Note(const AccountToken& token) {
  parts_.accounts.Update(token);
  if (!token.revoke_time) return;
  parts_.on_token_end(token.key);
  parts_.hub.TouchOf(token.key.account);
  parts_.work_waiting.NotifyOf(token.key.account);
  parts_.audits_waiting.NotifyOf(token.key.account);
}

// A new task opens its boxes; a lease that ended opens one; a rejected trial
// frees what it had reserved of the budget, and after an accepted one any
// worker that asks may find that the budget is spent, which ends the task.
void RpcListener::Note(const Task& task) {
  touched_.insert(task.id);
  parts_.sessions.Update(task);
  if (task.state == TaskState::kActive) {
    parts_.work_waiting.Notify(task.spec->subspaces);
  }
}

// A request looks into few exhausted boxes; another one continues from there.
void RpcListener::Note(const SubspaceRecord& subspace) {
  if (subspace.state == SubspaceState::kCompleted) {
    parts_.work_waiting.Notify(1);
  }
}

void RpcListener::Note(const Lease& lease) {
  if (lease.role == LeaseRole::kBackup) touched_.insert(lease.task);
  parts_.sessions.Update(lease);
  if (lease.state != LeaseState::kActive) parts_.work_waiting.Notify(1);
}

void RpcListener::Note(const Trial& trial) {
  touched_.insert(trial.task);
  if (trial.reason == kSuperseded) parts_.sessions.SetNews(trial.lease);
  if (trial.state == TrialState::kRejected ||
      trial.state == TrialState::kAccepted) {
    parts_.work_waiting.Notify(1);
  }
}

void RpcListener::Note(const Audit& audit) {
  if (audit.state == AuditState::kWaiting) {
    parts_.audits_waiting.Notify(kVerifiersWoken);
  }
}

// After maintenance everybody may ask again.
void RpcListener::Note(const PoolClock& clock) {
  const bool was_maintained = in_maintenance_;
  in_maintenance_ = clock.InMaintenance();
  if (was_maintained && !in_maintenance_) {
    parts_.work_waiting.Notify(waiters_max_);
  }
}

}  // namespace archpool::rpc
