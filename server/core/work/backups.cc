#include <algorithm>

#include "server/core/leaves/completion.h"
#include "server/core/pool.h"
#include "server/core/pool_internal.h"
#include "server/core/rules/work_price.h"

namespace archpool {
namespace {

// Leases that want a backup, of which one request looks at this many.
constexpr int kLooksMax = 32;
// A backup is one that nobody knows yet: it is late enough to wait for while
// what is left of the list takes an average worker, and two deviations more,
// this share of what is left of the time.
constexpr double kUnknownPace = 1.6;

// How far a list is, as of `now`.
struct Progress {
  WorkUnits committed_units = 0;
  WorkUnits rest_units = 0;
  WorkUnits next_units = 0;  // of the trial under way
  absl::Time last_time;      // of its latest commitment, or its beginning
};

Progress ProgressOf(const PoolState& state, const Lease& lease) {
  Progress progress;
  progress.last_time =
      std::max(lease.create_time,
               state.Find(lease.session)->performance.last_commit_time);
  for (const TrialId id : lease.trials) {
    const Trial& trial = *state.Find(id);
    if (trial.state == TrialState::kAssigned) {
      if (progress.rest_units == 0) progress.next_units = trial.work_units;
      progress.rest_units += trial.work_units;
    } else if (trial.commit_time != absl::InfiniteFuture()) {
      progress.committed_units += trial.work_units;
      progress.last_time = std::max(progress.last_time, trial.commit_time);
    }
  }
  return progress;
}

// What this lease showed weighs as much as all that was seen before.
void AdjustToProgress(const Lease& lease, const Progress& progress,
                      absl::Time now, Outlook& outlook) {
  if (progress.committed_units > 0) {
    const double pace =
        absl::FDivDuration(progress.last_time - lease.create_time,
                           absl::Microseconds(progress.committed_units));
    outlook.pace = (outlook.pace + pace) / 2;
  }
  // A trial that should be done by now takes at least this long.
  const double overdue = absl::FDivDuration(
      now - progress.last_time, absl::Microseconds(progress.next_units));
  outlook.pace = std::max(outlook.pace, overdue);
}

bool HoldsOneOf(const PoolState& state, AccountId account, LeaseId primary) {
  for (const LeaseId id : state.BackupsOf(primary)) {
    if (state.Find(id)->account == account) return true;
  }
  return false;
}

}  // namespace

void Pool::CheckProgress(Lease lease, absl::Time now) {
  lease.check_time = absl::InfiniteFuture();
  const Progress progress = ProgressOf(state_, lease);
  lease.high_reward |= state_.IsHighReward(lease.task, lease.subspace);
  const absl::Duration left = lease.deadline - now;
  if (policy_.backups && lease.role == LeaseRole::kPrimary &&
      progress.rest_units > 0 && left > absl::ZeroDuration()) {
    const absl::Duration rest = absl::Microseconds(progress.rest_units);
    const absl::Duration latest =
        kUnknownPace * rest + policy_.silence_term - left;
    const Performance& worker = state_.Find(lease.session)->performance;
    const Performance& account = state_.Find(lease.account)->performance;
    Outlook outlook = OutlookOf(worker, account, policy_.lease_term);
    AdjustToProgress(lease, progress, now, outlook);
    const double miss = 1 - FinishProbability(rest, left, outlook);
    const double miss_max = static_cast<double>(policy_.miss_max_ppm) / 1e6;
    if (latest >= absl::ZeroDuration() && lease.high_reward &&
        miss > miss_max) {
      const double backup_miss =
          1 - FinishProbability(
                  rest, left,
                  OutlookOf(Performance(), Performance(), policy_.lease_term));
      lease.backups_wanted = CopiesNeeded(miss, backup_miss, miss_max,
                                          policy_.backups_per_lease_max);
      lease.backup_reason = worker.pace_permille.count == 0 &&
                                    account.pace_permille.count == 0 &&
                                    progress.committed_units == 0
                                ? BackupReason::kUnproven
                                : BackupReason::kSlow;
      lease.miss_ppm = static_cast<int64_t>(1e6 * miss);
    } else {
      lease.check_time = now + std::max(-latest / 2, policy_.lease_term / 32);
    }
  }
  state_.Put(lease);
}

void Pool::CloseSilent(const Lease& lease, absl::Time now) {
  const bool has_rest =
      std::any_of(lease.trials.begin(), lease.trials.end(), [&](TrialId id) {
        return state_.Find(id)->state == TrialState::kAssigned;
      });
  const Task& task = *state_.Find(lease.task);
  if (!policy_.backups || lease.role != LeaseRole::kPrimary || !has_rest ||
      task.state != TaskState::kActive || now >= lease.deadline ||
      lease.backup_reason == BackupReason::kSilent ||
      !(lease.high_reward || state_.IsHighReward(lease.task, lease.subspace))) {
    const TaskId id = task.id;
    internal::EndLease(state_, lease, LeaseState::kExpired, true, now);
    internal::SettleIfDone(state_, policy_, id, now);
    return;
  }
  Lease silent = lease;
  silent.high_reward = true;
  silent.backup_reason = BackupReason::kSilent;
  silent.backups_wanted = std::max<int64_t>(1, lease.backups_wanted);
  silent.miss_ppm = 1'000'000;
  silent.expire_time = lease.deadline;
  silent.check_time = absl::InfiniteFuture();
  state_.Put(silent);
}

LeaseId Pool::GrantBackup(const Session& session, Amount price_min,
                          absl::Time now) {
  int looks = 0;
  for (const auto& [deadline, id] : state_.backups_wanted()) {
    if (++looks > kLooksMax) break;
    const Lease& primary = *state_.Find(id);
    if (primary.account == session.account ||
        HoldsOneOf(state_, session.account, id)) {
      continue;
    }
    const Task& task = *state_.Find(primary.task);
    if (PricePerCoreHour(task) < price_min) continue;
    WorkUnits units_left = UnitsLeft(task, session.account);
    Seeker seeker = internal::SeekerFor(state_, policy_, means_, task, session);
    std::vector<Trial> rest;
    // From the end of the list, while the primary comes from its beginning: the
    // two meet, and little is done twice.
    for (auto it = primary.trials.rbegin(); it != primary.trials.rend(); ++it) {
      const Trial& trial = *state_.Find(*it);
      if (trial.state != TrialState::kAssigned ||
          state_.IndexOf(task.id).WasRejected(
              session.account, trial.architecture_id, trial.rung) ||
          !seeker.HasRoomFor(state_, trial)) {
        continue;
      }
      Trial copy = internal::FromTheStart(state_, task, trial);
      units_left -= copy.work_units;
      if (units_left < 0) break;
      rest.push_back(std::move(copy));
    }
    if (rest.empty()) continue;
    SubspaceRecord box = *state_.Find(primary.subspace);
    ++box.attempt;
    Lease backup{.id = state_.NextLeaseId(),
                 .task = task.id,
                 .subspace = box.id,
                 .session = session.id,
                 .account = session.account,
                 .attempt = box.attempt,
                 .role = LeaseRole::kBackup,
                 .trials_target = static_cast<int64_t>(rest.size()),
                 .create_time = now,
                 .expire_time = now + policy_.silence_term,
                 .deadline = primary.deadline,
                 .high_reward = true,
                 .primary = id,
                 .backup_reason = primary.backup_reason,
                 .miss_ppm = primary.miss_ppm};
    AddTrials(backup, std::move(rest), now);
    state_.Put(box);
    state_.Put(backup);
    return backup.id;
  }
  return {};
}

namespace internal {

void CompleteIfIdle(PoolState& state, const Lease& lease, absl::Time now) {
  if (std::none_of(lease.trials.begin(), lease.trials.end(), [&](TrialId id) {
        return state.Find(id)->state == TrialState::kAssigned;
      })) {
    EndLease(state, lease, LeaseState::kCompleted, false, now);
  }
}

void Supersede(PoolState& state, const PoolPolicy& policy, Lease lease,
               const Trial& committed, absl::Time now) {
  const LeaseId primary = lease.primary.IsSet() ? lease.primary : lease.id;
  std::vector<LeaseId> others(state.BackupsOf(primary).begin(),
                              state.BackupsOf(primary).end());
  others.push_back(primary);
  for (const LeaseId id : others) {
    const Lease* found = state.Find(id);
    if (found == nullptr || id == lease.id) continue;
    const Lease other = *found;
    bool changed = false;
    for (const TrialId trial_id : other.trials) {
      Trial trial = *state.Find(trial_id);
      if (trial.state != TrialState::kAssigned ||
          trial.architecture_id != committed.architecture_id ||
          trial.rung != committed.rung) {
        continue;
      }
      trial.state = TrialState::kAbandoned;
      trial.reason = kSuperseded;
      trial.upload_deadline = now + policy.silence_term;
      state.Put(trial);
      changed = true;
    }
    if (changed) CompleteIfIdle(state, other, now);
  }
}

}  // namespace internal
}  // namespace archpool
