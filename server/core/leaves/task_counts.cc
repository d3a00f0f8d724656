// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/task_counts.h"

#include <iterator>

namespace archpool {
namespace {

// Adds to the count of a key, which goes where nothing is left of it.
template <typename Map, typename Key>
void AddToCount(Map& counts, const Key& key, int64_t sign) {
  const auto at = counts.try_emplace(key, 0).first;
  at->second += sign;
  if (at->second == 0) counts.erase(at);
}

// The chance that a draw would have missed a miner who fakes this share.
double MissedBy(int64_t draw_ppm) {
  return 1 - kFakedShare * static_cast<double>(draw_ppm) / 1e6;
}

}  // namespace

CountedTrial CountedOf(const Trial& trial) {
  const TrialSettlement settled = SettlementOf(trial);
  CountedTrial counted{.state = trial.state,
                       .account = trial.account,
                       .subspace = trial.subspace,
                       .architecture_id = trial.architecture_id,
                       .rung = trial.rung,
                       .work_units = trial.work_units,
                       .payout = settled.pay + settled.finders_bonus,
                       .audit_time = trial.audit_time,
                       .reason = trial.reason,
                       .is_known = trial.known_from.IsSet(),
                       .is_at_chance = trial.is_at_chance,
                       .is_audited = BasisOf(trial) >= TrialBasis::kAudited,
                       .is_matured = IsMatured(trial)};
  if (trial.commitment) {
    counted.is_committed = true;
    counted.draw_ppm = trial.commitment->draw_ppm;
    counted.train_time = trial.commitment->train_time;
    counted.has_diverged = trial.commitment->diverged_at_step.has_value();
  }
  return counted;
}

void TaskCounts::Replace(const CountedTrial* before,
                         const CountedTrial& counted) {
  if (before != nullptr) Count(*before, -1);
  Count(counted, 1);
  CountDraw(before, counted);
}

void TaskCounts::Count(const CountedTrial& counted, int64_t sign) {
  if (counted.is_known) {
    sums_.trials_known += sign;
    CountAccepted(counted, sign);
    return;
  }
  sums_.audit_time += sign * counted.audit_time;
  if (counted.is_committed) sums_.training_time += sign * counted.train_time;
  MinerShare& share = shares_[counted.account].sums;
  share.account = counted.account;
  share.payout += sign * counted.payout;
  CountState(counted, sign);
}

void TaskCounts::CountState(const CountedTrial& counted, int64_t sign) {
  MinerShare& share = shares_[counted.account].sums;
  switch (counted.state) {
    case TrialState::kAssigned:
      sums_.trials_assigned += sign;
      return;
    case TrialState::kCommitted:
    case TrialState::kUploaded:
      sums_.trials_pending += sign;
      return;
    case TrialState::kAccepted:
      sums_.trials_accepted += sign;
      sums_.trials_at_chance += counted.is_at_chance ? sign : 0;
      sums_.trials_diverged += counted.has_diverged ? sign : 0;
      sums_.work_units_accepted += sign * counted.work_units;
      share.trials_accepted += sign;
      share.work_units += sign * counted.work_units;
      share.trials_audited += counted.is_audited ? sign : 0;
      share.work_units_matured +=
          counted.is_matured ? sign * counted.work_units : 0;
      CountAccepted(counted, sign);
      return;
    case TrialState::kRejected:
      sums_.trials_rejected += sign;
      share.trials_rejected += sign;
      AddToCount(sums_.rejected_by_reason, counted.reason, sign);
      return;
    case TrialState::kAbandoned:
      sums_.trials_abandoned += sign;
      return;
  }
}

void TaskCounts::CountAccepted(const CountedTrial& counted, int64_t sign) {
  accepted_ += sign;
  AddToCount(explored_, counted.subspace, sign);
  AddToCount(distinct_, std::pair(counted.architecture_id, counted.rung), sign);
}

// A commitment is made once: hardly anything is ever divided.
void TaskCounts::CountDraw(const CountedTrial* before,
                           const CountedTrial& counted) {
  const auto missed = [](const CountedTrial& one) {
    return one.is_committed && !one.is_known ? MissedBy(one.draw_ppm) : 1.0;
  };
  if (before != nullptr && before->account == counted.account &&
      missed(*before) == missed(counted)) {
    return;
  }
  if (before != nullptr && missed(*before) != 1.0) {
    shares_[before->account].undetected /= missed(*before);
  }
  if (missed(counted) != 1.0)
    shares_[counted.account].undetected *= missed(counted);
}

TaskSums TaskCounts::Get() const {
  TaskSums sums = sums_;
  sums.trials_redundant = accepted_ - std::ssize(distinct_);
  sums.subspaces_explored = std::ssize(explored_);
  for (const auto& [account, share] : shares_) {
    MinerShare shown = share.sums;
    shown.detection_ppm = static_cast<int64_t>(1e6 * (1 - share.undetected));
    sums.shares.push_back(shown);
  }
  return sums;
}

}  // namespace archpool
