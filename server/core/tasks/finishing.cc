// How an active task comes to its end: what is under way may still be
// committed, and nothing new begins.
#include <algorithm>
#include <vector>

#include "common/base/check.h"
#include "server/core/leaves/completion.h"
#include "server/core/pool_internal.h"

namespace archpool::internal {
namespace {

bool HasAssigned(const PoolState& state, const Lease& lease) {
  return std::any_of(lease.trials.begin(), lease.trials.end(), [&](TrialId id) {
    return state.Find(id)->state == TrialState::kAssigned;
  });
}

// Whether its worker is at it now: workers go through their leases in the order
// in which they got them.
bool IsUnderWay(const PoolState& state, const Lease& lease) {
  if (!HasAssigned(state, lease)) return false;
  for (const LeaseId id : state.LeasesOf(lease.session)) {
    if (id == lease.id) return true;
    if (HasAssigned(state, *state.Find(id))) return false;
  }
  return false;
}

// Keeps the training that the worker is at, and its units, until the lease's
// deadline; the rest of the list is given up.
void KeepFirst(PoolState& state, const PoolPolicy& policy, Lease lease,
               absl::Time now) {
  bool is_first = true;
  for (const TrialId id : lease.trials) {
    Trial trial = *state.Find(id);
    if (trial.state != TrialState::kAssigned) continue;
    if (!is_first) {
      trial.state = TrialState::kAbandoned;
      state.Put(trial);
    }
    is_first = false;
  }
  lease.backups_wanted = 0;
  lease.check_time = absl::InfiniteFuture();
  lease.deadline = std::max(lease.deadline, now + policy.silence_term);
  lease.expire_time = std::min(lease.expire_time, lease.deadline);
  state.Put(lease);
}

}  // namespace

bool FitsInTime(const PoolState& state, const PoolPolicy& policy,
                const Task& task, const Session& session, WorkUnits units,
                absl::Time now) {
  const Outlook outlook =
      OutlookOf(session.performance, state.Find(session.account)->performance,
                policy.lease_term);
  return now + outlook.pace * absl::Microseconds(units) <=
         task.deadline + task.time_away;
}

void BeginFinishing(PoolState& state, const PoolPolicy& policy, TaskId id,
                    EndReason reason, absl::Time now) {
  Task task = *state.Find(id);
  ARCHPOOL_CHECK(task.state == TaskState::kActive);
  task.state = TaskState::kFinishing;
  task.end_reason = reason;
  state.Put(task);
  std::vector<LeaseId> kept;
  for (const LeaseId lease : state.IndexOf(id).leases) {
    if (IsUnderWay(state, *state.Find(lease))) kept.push_back(lease);
  }
  const absl::btree_set<LeaseId> leases = state.IndexOf(id).leases;
  for (const LeaseId lease : leases) {
    if (std::find(kept.begin(), kept.end(), lease) != kept.end()) {
      KeepFirst(state, policy, *state.Find(lease), now);
    } else {
      EndLease(state, *state.Find(lease), LeaseState::kRevoked, false, now);
    }
  }
  AskShortBlocks(state, policy, id, now);
  SettleIfDone(state, policy, id, now);
}

namespace {

int64_t MeasuredAtChance(const TaskIndex& index) {
  int64_t measured = 0;
  for (const auto& [account, count] : index.at_chance) measured += count;
  return measured;
}

}  // namespace

bool AwaitsMeasurements(const PoolState& state, const PoolPolicy& policy,
                        TaskId id) {
  const TaskIndex& index = state.IndexOf(id);
  return index.above_chance_count == 0 && index.pending_count > 0 &&
         index.pending_count == index.pending_at_chance_count &&
         MeasuredAtChance(index) + index.pending_count >=
             policy.nothing_learns_trials;
}

bool EndIfNothingLearns(PoolState& state, const PoolPolicy& policy, TaskId id,
                        absl::Time now) {
  const TaskIndex& index = state.IndexOf(id);
  if (state.Find(id)->state != TaskState::kActive ||
      index.above_chance_count > 0) {
    return false;
  }
  if (MeasuredAtChance(index) < policy.nothing_learns_trials) return false;
  // One account's results alone end it only where nobody else is at work.
  const auto is_another = [&](AccountId account) {
    return !index.at_chance.contains(account);
  };
  const bool has_others =
      std::any_of(index.leases.begin(), index.leases.end(),
                  [&](LeaseId lease) {
                    return is_another(state.Find(lease)->account);
                  }) ||
      std::any_of(index.immature.begin(), index.immature.end(),
                  [&](const auto& claims) { return is_another(claims.first); });
  if (index.at_chance.size() < 2 && has_others) return false;
  BeginFinishing(state, policy, id, EndReason::kNothingLearns, now);
  return true;
}

}  // namespace archpool::internal
