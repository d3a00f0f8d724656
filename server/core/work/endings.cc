// SPDX-License-Identifier: Apache-2.0
// How leases end.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "common/model/arithmetic.h"
#include "server/core/leaves/completion.h"
#include "server/core/search/search.h"
#include "server/core/state/quotas.h"
#include "server/core/work/parts.h"
#include "server/core/work/work.h"

namespace archpool::work {

namespace {

// What the lease showed of its worker, by the pool's clock: from when it could
// begin to its last commitment.
void CountLease(const PoolState& state, const Lease& lease, bool lost,
                absl::Time now, Performance& performance) {
  const absl::Time begin =
      std::max(lease.create_time,
               performance.last_commit_time.value_or(absl::InfinitePast()));
  std::optional<absl::Time> last_commit;
  WorkUnits units = 0;
  for (const TrialId id : lease.trials) {
    const Trial& trial = *state.Find(id);
    if (!trial.commitment) continue;
    units += trial.work_units;
    last_commit = std::max(last_commit, trial.commitment->commit_time);
  }
  if (units > 0 && last_commit > begin) {
    performance.pace_permille.Add(static_cast<int64_t>(
        (*last_commit - begin) * 1'000 / absl::Microseconds(units)));
  }
  performance.last_commit_time =
      std::max(performance.last_commit_time, last_commit);
  performance.lease_time += std::max(absl::ZeroDuration(), now - begin);
  ++(lost ? performance.leases_lost : performance.leases_completed);
}

bool HasAssigned(const PoolState& state, const Lease& lease) {
  return std::any_of(lease.trials.begin(), lease.trials.end(), [&](TrialId id) {
    return state.Find(id)->state == TrialState::kAssigned;
  });
}

// Whether its worker is at it now: workers go through their leases in the order
// in which they got them.
bool IsUnderWay(const PoolState& state, const Lease& lease) {
  if (!HasAssigned(state, lease)) return false;
  for (const LeaseId id : state.leases().Of(lease.session)) {
    if (id == lease.id) return true;
    if (HasAssigned(state, *state.Find(id))) return false;
  }
  return false;
}

// By when the worker should have committed the training that it is at: as long
// after the one before as its pace, seen so far, says, with room.
absl::Time ExpectedEnd(const Step& step, const Lease& lease,
                       WorkUnits units_under_way) {
  const Performance& worker = step.state.Find(lease.session)->performance;
  double pace = OutlookOf(worker, step.state.Find(lease.account)->performance,
                          step.policy.lease_term)
                    .pace;
  const absl::Time first_begin =
      std::max(lease.create_time,
               worker.last_commit_time.value_or(absl::InfinitePast()));
  absl::Time begin = first_begin;
  WorkUnits units = 0;
  for (const TrialId id : lease.trials) {
    const Trial& trial = *step.state.Find(id);
    if (!trial.commitment) continue;
    units += trial.work_units;
    begin = std::max(begin, CommitTimeOf(trial));
  }
  if (units > 0) {
    pace = std::max(pace, absl::FDivDuration(begin - first_begin,
                                             absl::Microseconds(units)));
  }
  return begin + kPaceRoom * pace * absl::Microseconds(units_under_way);
}

// Keeps the training that the worker is at, and its units, for as long as it
// may be expected to take; the rest of the list is given up.
void KeepFirst(Step& step, Lease lease) {
  std::optional<WorkUnits> units;  // of the training that it is at
  for (const TrialId id : lease.trials) {
    Trial trial = *step.state.Find(id);
    if (trial.state != TrialState::kAssigned) continue;
    if (units) {
      trial.state = TrialState::kAbandoned;
      step.state.Put(trial);
    } else {
      units = trial.work_units;
    }
  }
  // A silent worker keeps its lease where another does its work meanwhile. That
  // is over, and nobody waits for it longer than for any other.
  if (IsSilent(lease)) {
    lease.expire_time =
        std::min(lease.expire_time, step.now + step.policy.silence_term);
  }
  if (lease.backup_need) lease.backup_need->wanted = 0;
  lease.check_time.reset();
  // A slow worker may be past the deadline, and continue as long as it is
  // heard.
  lease.deadline =
      std::max({lease.deadline, step.now + step.policy.silence_term,
                std::min(LastMoment(step.state, step.policy, lease),
                         ExpectedEnd(step, lease, units.value_or(0)))});
  lease.expire_time = std::min(lease.expire_time, lease.deadline);
  step.state.Put(lease);
}

bool HasCommitted(const PoolState& state, const Lease& lease) {
  return std::any_of(lease.trials.begin(), lease.trials.end(), [&](TrialId id) {
    return state.Find(id)->commitment.has_value();
  });
}

WorkUnits UnitsOf(const PoolState& state, const Lease& lease) {
  WorkUnits units = 0;
  for (const TrialId id : lease.trials) units += state.Find(id)->work_units;
  return units;
}

// How many times the reference core's time the worker is waited for at most.
// One that has never committed anything may be there to hold networks that it
// does not train: unless its account is proven, or known to be slow, it has no
// longer than most need.
double SlownessMax(const PoolState& state, const PoolPolicy& policy,
                   const Lease& lease) {
  const auto most = static_cast<double>(policy.slowness_max);
  const Account& account = *state.Find(lease.account);
  const auto& held = state.leases().Of(lease.session);
  if (IsProven(account) ||
      state.Find(lease.session)->performance.last_commit_time.has_value() ||
      std::any_of(held.begin(), held.end(), [&](LeaseId id) {
        return HasCommitted(state, *state.Find(id));
      })) {
    return most;
  }
  const double pace =
      std::max(1.0, account.performance.pace_permille.Mean() / 1'000);
  return std::min(most, kPaceRoom * pace);
}

}  // namespace

absl::Time LastMoment(const PoolState& state, const PoolPolicy& policy,
                      const Lease& lease) {
  // A work unit is one reference-core microsecond. Until something is
  // committed, the lease has the time of its first trial alone.
  const WorkUnits units = HasCommitted(state, lease)
                              ? UnitsOf(state, lease)
                              : state.Find(lease.trials[0])->work_units;
  return std::max(lease.deadline, lease.create_time + policy.silence_term) +
         SlownessMax(state, policy, lease) * absl::Microseconds(units);
}

void EndLease(Step& step, const Lease& active, LeaseState end, bool counts) {
  Lease lease = active;
  lease.state = end;
  int64_t abandoned = 0;
  for (const TrialId id : lease.trials) {
    const Trial& found = *step.state.Find(id);
    if (found.state != TrialState::kAssigned) continue;
    Trial trial = found;
    trial.state = TrialState::kAbandoned;
    step.state.Put(trial);
    ++abandoned;
  }
  step.state.Put(lease);
  step.facts.push_back(LeaseEnded{lease.task});
  const SubspaceRecord& found = *step.state.Find(lease.subspace);
  if (found.state == SubspaceState::kLeased &&
      step.state.leases().On(found.id).empty()) {
    SubspaceRecord subspace = found;
    subspace.state = SubspaceState::kOpen;
    step.state.Put(subspace);
    search::CompleteIfDone(step, subspace.id);
  }
  const bool lost = counts && abandoned > 0;
  if (!lost && end != LeaseState::kCompleted) return;
  Account account = *step.state.Find(lease.account);
  if (lost) account.trials_abandoned += abandoned;
  CountGiveUp(step.state, lease, lost, step.now, account);
  CountLease(step.state, lease, lost, step.now, account.performance);
  step.state.Put(account);
  Session session = *step.state.Find(lease.session);
  CountLease(step.state, lease, lost, step.now, session.performance);
  step.state.Put(session);
}

void CompleteIfIdle(Step& step, const Lease& lease) {
  if (std::none_of(lease.trials.begin(), lease.trials.end(), [&](TrialId id) {
        return step.state.Find(id)->state == TrialState::kAssigned;
      })) {
    EndLease(step, lease, LeaseState::kCompleted, false);
  }
}

// A copy, since callers give what a Put would take from under it.
// NOLINTNEXTLINE(performance-unnecessary-value-param)
void Supersede(Step& step, Lease lease, const Trial& committed) {
  const LeaseId primary = lease.primary.value_or(lease.id);
  std::vector<LeaseId> others(step.state.leases().BackupsOf(primary).begin(),
                              step.state.leases().BackupsOf(primary).end());
  others.push_back(primary);
  for (const LeaseId id : others) {
    const Lease* found = step.state.Find(id);
    if (found == nullptr || id == lease.id) continue;
    const Lease other = *found;
    bool changed = false;
    for (const TrialId trial_id : other.trials) {
      Trial trial = *step.state.Find(trial_id);
      if (trial.state != TrialState::kAssigned ||
          trial.architecture_id != committed.architecture_id ||
          trial.rung != committed.rung) {
        continue;
      }
      trial.state = TrialState::kAbandoned;
      trial.reason = kSuperseded;
      trial.arithmetic = step.state.Find(other.session)->arithmetic;
      trial.upload_deadline = step.now + step.policy.silence_term;
      step.state.Put(trial);
      changed = true;
    }
    if (changed) CompleteIfIdle(step, other);
  }
}

void Revoke(Step& step, LeaseId id) {
  const Lease* lease = step.state.Find(id);
  if (lease != nullptr) EndLease(step, *lease, LeaseState::kRevoked, false);
}

namespace {

// What the end of a lease writes at most: its trials, itself, its box, its
// session and its account.
int64_t WritesToEnd(const Lease& lease) { return std::ssize(lease.trials) + 4; }

// Gives up what is not begun under the task's leases behind `after`, as many as
// the command may still end.
void GiveUpSome(Step& step, TaskId task, LeaseId after) {
  // Each is judged before the first ends.
  std::vector<std::pair<LeaseId, bool>> leases;
  const auto& all = step.state.IndexOf(task).leases;
  auto next = all.upper_bound(after);
  for (; next != all.end() && step.endings_left > 0; ++next) {
    const Lease& lease = *step.state.Find(*next);
    step.endings_left -= WritesToEnd(lease);
    leases.push_back({*next, IsUnderWay(step.state, lease)});
  }
  const bool is_all = next == all.end();
  if (!leases.empty()) after = leases.back().first;
  for (const auto& [lease, is_kept] : leases) {
    if (is_kept) {
      KeepFirst(step, *step.state.Find(lease));
    } else {
      Revoke(step, lease);
    }
  }
  TaskMemory& memory = step.state.MemoryOf(task);
  memory.given_up_to = is_all ? std::nullopt : std::optional(after);
  if (is_all) step.facts.push_back(UnbegunGivenUp{task});
}

// Whether something of the list is left beyond the training that its worker is
// at.
bool HoldsUnbegun(const PoolState& state, const Lease& lease) {
  const auto assigned =
      std::count_if(lease.trials.begin(), lease.trials.end(), [&](TrialId id) {
        return state.Find(id)->state == TrialState::kAssigned;
      });
  return assigned > (IsUnderWay(state, lease) ? 1 : 0);
}

// Tasks of which leases may hold what is not begun.
std::vector<TaskId> GivingUp(const PoolState& state) {
  std::vector<TaskId> tasks;
  for (const auto& [id, task] : state.tasks().all()) {
    if (state.IndexOf(id).memory.given_up_to) tasks.push_back(id);
  }
  return tasks;
}

// Revokes as many of the account's leases as the command may still end. False:
// there are more.
bool RevokeSome(Step& step, AccountId account) {
  std::vector<LeaseId> leases;
  for (const SessionId session : step.state.sessions().Of(account)) {
    if (step.endings_left <= 0) break;
    for (const LeaseId lease : step.state.leases().Of(session)) {
      if (step.endings_left <= 0) break;
      step.endings_left -= WritesToEnd(*step.state.Find(lease));
      leases.push_back(lease);
    }
  }
  for (const LeaseId lease : leases) Revoke(step, lease);
  return step.state.leases().CountOf(account) == 0;
}

bool IsSuspended(const PoolState& state, AccountId account) {
  return state.Find(account)->state == AccountState::kSuspended;
}

}  // namespace

void GiveUpUnbegun(Step& step, TaskId task) {
  GiveUpSome(step, task, LeaseId{});
}

void RevokeAllOf(Step& step, AccountId account) {
  if (!RevokeSome(step, account)) step.memory.revoking.insert(account);
}

void NoteLeasesToEnd(Step& step) {
  for (const auto& [id, session] : step.state.sessions().all()) {
    if (IsSuspended(step.state, session.account) &&
        !step.state.leases().Of(id).empty()) {
      step.memory.revoking.insert(session.account);
    }
  }
  for (const auto& [id, task] : step.state.tasks().all()) {
    if (task.state != TaskState::kFinishing) continue;
    const absl::btree_set<LeaseId>& leases = step.state.IndexOf(id).leases;
    const bool has_unbegun =
        std::any_of(leases.begin(), leases.end(), [&](LeaseId lease) {
          return HoldsUnbegun(step.state, *step.state.Find(lease));
        });
    step.state.MemoryOf(id).given_up_to =
        has_unbegun ? std::optional(LeaseId{}) : std::nullopt;
  }
}

bool HasLeasesToEnd(const Step& step) {
  return !step.memory.revoking.empty() || !GivingUp(step.state).empty();
}

bool EndSomeLeases(Step& step) {
  if (!HasLeasesToEnd(step)) return false;
  for (const TaskId task : GivingUp(step.state)) {
    if (step.endings_left <= 0) break;
    GiveUpSome(step, task, *step.state.IndexOf(task).memory.given_up_to);
  }
  absl::btree_set<AccountId>& revoking = step.memory.revoking;
  if (revoking.empty() || step.endings_left <= 0) return true;
  const AccountId account = *revoking.begin();
  if (!IsSuspended(step.state, account) || RevokeSome(step, account)) {
    revoking.erase(account);
  }
  return true;
}

void EndReplacedSessions(Step& step) {
  std::vector<Session> replaced;
  for (const auto& [id, session] : step.state.sessions().all()) {
    if (session.arithmetic != kArithmetic) replaced.push_back(session);
  }
  for (Session& session : replaced) {
    const absl::btree_set<LeaseId> leases = step.state.leases().Of(session.id);
    for (const LeaseId lease : leases) Revoke(step, lease);
    session = *step.state.Find(session.id);
    session.state = SessionState::kClosed;
    step.state.Put(session);
  }
}

}  // namespace archpool::work
