// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "server/core/leaves/completion.h"
#include "server/core/rules/work_price.h"
#include "server/core/search/search.h"
#include "server/core/state/queries.h"
#include "server/core/work/parts.h"
#include "server/core/work/work.h"

namespace archpool::work {
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
  progress.last_time = std::max(
      lease.create_time,
      state.Find(lease.session)
          ->performance.last_commit_time.value_or(absl::InfinitePast()));
  for (const TrialId id : lease.trials) {
    const Trial& trial = *state.Find(id);
    if (trial.state == TrialState::kAssigned) {
      if (progress.rest_units == 0) progress.next_units = trial.work_units;
      progress.rest_units += trial.work_units;
    } else if (trial.commitment) {
      progress.committed_units += trial.work_units;
      progress.last_time = std::max(progress.last_time, CommitTimeOf(trial));
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
  for (const LeaseId id : state.leases().BackupsOf(primary)) {
    if (state.Find(id)->account == account) return true;
  }
  return false;
}

}  // namespace

void CheckProgress(Step& step, Lease lease) {
  lease.check_time.reset();
  const Progress progress = ProgressOf(step.state, lease);
  lease.has_high_reward |=
      step.state.IndexOf(lease.task).boxes.IsHighReward(lease.subspace);
  const absl::Duration left = lease.deadline - step.now;
  const bool goes_on = step.state.Find(lease.task)->state == TaskState::kActive;
  if (step.policy.backups && goes_on && lease.role == LeaseRole::kPrimary &&
      progress.rest_units > 0 && left > absl::ZeroDuration()) {
    const absl::Duration rest = absl::Microseconds(progress.rest_units);
    const absl::Duration latest =
        kUnknownPace * rest + step.policy.silence_term - left;
    const Performance& worker = step.state.Find(lease.session)->performance;
    const Performance& account = step.state.Find(lease.account)->performance;
    Outlook outlook = OutlookOf(worker, account, step.policy.lease_term);
    AdjustToProgress(lease, progress, step.now, outlook);
    const double miss = 1 - FinishProbability(rest, left, outlook);
    const double miss_max = static_cast<double>(step.policy.miss_max_ppm) / 1e6;
    if (latest >= absl::ZeroDuration() && lease.has_high_reward &&
        miss > miss_max) {
      const double backup_miss =
          1 - FinishProbability(rest, left,
                                OutlookOf(Performance(), Performance(),
                                          step.policy.lease_term));
      const bool is_unproven = worker.pace_permille.count == 0 &&
                               account.pace_permille.count == 0 &&
                               progress.committed_units == 0;
      lease.backup_need = {
          .reason = is_unproven ? BackupReason::kUnproven : BackupReason::kSlow,
          .wanted = CopiesNeeded(miss, backup_miss, miss_max,
                                 step.policy.backups_per_lease_max),
          .miss_ppm = static_cast<int64_t>(1e6 * miss)};
    } else {
      lease.check_time =
          step.now + std::max(-latest / 2, step.policy.lease_term / 32);
    }
  }
  step.state.Put(lease);
}

void CloseSilent(Step& step, const Lease& lease) {
  const bool has_rest =
      std::any_of(lease.trials.begin(), lease.trials.end(), [&](TrialId id) {
        return step.state.Find(id)->state == TrialState::kAssigned;
      });
  const Task& task = *step.state.Find(lease.task);
  if (!step.policy.backups || lease.role != LeaseRole::kPrimary || !has_rest ||
      task.state != TaskState::kActive || step.now >= lease.deadline ||
      IsSilent(lease) ||
      !(lease.has_high_reward ||
        step.state.IndexOf(lease.task).boxes.IsHighReward(lease.subspace))) {
    EndLease(step, lease, LeaseState::kExpired, true);
    return;
  }
  Lease silent = lease;
  silent.has_high_reward = true;
  silent.backup_need = {.reason = BackupReason::kSilent,
                        .wanted = std::max<int64_t>(1, BackupsWanted(lease)),
                        .miss_ppm = 1'000'000};
  silent.expire_time = lease.deadline;
  silent.check_time.reset();
  step.state.Put(silent);
}

LeaseId GrantBackup(Step& step, const Session& session, Amount price_min) {
  int looks = 0;
  for (const auto& [deadline, id] : step.state.leases().backups_wanted()) {
    if (++looks > kLooksMax) break;
    const Lease& primary = *step.state.Find(id);
    if (primary.account == session.account ||
        HoldsOneOf(step.state, session.account, id)) {
      continue;
    }
    const Task& task = *step.state.Find(primary.task);
    if (PricePerCoreHour(task) < price_min ||
        AwaitsMeasurements(step.state, step.policy, task.id)) {
      continue;
    }
    WorkUnits units_left = search::UnitsLeft(step, task, session.account);
    search::Seeker seeker = search::SeekerFor(step, task, session);
    std::vector<Trial> rest;
    // From the end of the list, while the primary comes from its beginning: the
    // two meet, and little is done twice.
    for (auto it = primary.trials.rbegin(); it != primary.trials.rend(); ++it) {
      const Trial& trial = *step.state.Find(*it);
      if (trial.state != TrialState::kAssigned ||
          step.state.IndexOf(task.id).networks.WasRejected(
              session.account, trial.architecture_id, trial.rung) ||
          !seeker.HasRoomFor(step.state, trial)) {
        continue;
      }
      Trial copy = search::FromTheStart(step.state, task, trial);
      units_left -= copy.work_units;
      if (units_left < 0) break;
      rest.push_back(std::move(copy));
    }
    CutToTime(step, task, session, /*lease=*/{}, rest);
    if (rest.empty()) continue;
    SubspaceRecord box = *step.state.Find(primary.subspace);
    ++box.attempt;
    Lease backup{.id = step.state.NextLeaseId(),
                 .task = task.id,
                 .subspace = box.id,
                 .session = session.id,
                 .account = session.account,
                 .attempt = box.attempt,
                 .role = LeaseRole::kBackup,
                 .trials_target = static_cast<int64_t>(rest.size()),
                 .create_time = step.now,
                 .expire_time = step.now + step.policy.silence_term,
                 .deadline = primary.deadline,
                 .has_high_reward = true,
                 .primary = id,
                 .backup_need = primary.backup_need};
    backup.backup_need->wanted = 0;
    AddTrials(step, backup, std::move(rest));
    step.state.Put(box);
    step.state.Put(backup);
    return backup.id;
  }
  return {};
}

}  // namespace archpool::work
