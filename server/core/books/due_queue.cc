// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/due_queue.h"

namespace archpool {

Due DueOf(const Task& task) {
  const bool open = task.state == TaskState::kActive;
  return {open ? task.deadline + task.time_away : absl::InfiniteFuture(),
          Due::Kind::kTask, task.id.value};
}

Due DueOf(const Lease& lease) {
  const bool open = lease.state == LeaseState::kActive;
  return {open ? lease.expire_time : absl::InfiniteFuture(), Due::Kind::kLease,
          lease.id.value};
}

Due CheckOf(const Lease& lease) {
  const bool open = lease.state == LeaseState::kActive;
  return {open ? lease.check_time.value_or(absl::InfiniteFuture())
               : absl::InfiniteFuture(),
          Due::Kind::kCheck, lease.id.value};
}

Due DueOf(const Trial& trial) {
  const bool open = trial.state == TrialState::kCommitted;
  return {open ? trial.upload_deadline.value_or(absl::InfiniteFuture())
               : absl::InfiniteFuture(),
          Due::Kind::kUpload, trial.id.value};
}

Due DueOf(const Audit& audit) {
  const bool waits = audit.state == AuditState::kWaiting;
  const std::optional<absl::Time>& time =
      waits ? audit.decide_time : audit.expire_time;
  return {time.value_or(absl::InfiniteFuture()), Due::Kind::kAudit,
          audit.id.value};
}

void DueQueue::Put(const Lease* before, const Lease& after) {
  Replace(before == nullptr ? Due() : DueOf(*before), DueOf(after));
  Replace(before == nullptr ? Due() : CheckOf(*before), CheckOf(after));
}

void DueQueue::Replace(const Due& before, const Due& after) {
  if (before == after) return;
  all_.erase(before);
  if (after.time != absl::InfiniteFuture()) all_.insert(after);
}

}  // namespace archpool
