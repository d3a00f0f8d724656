// SPDX-License-Identifier: Apache-2.0
#include "simulator/tally.h"

#include <algorithm>
#include <cmath>
#include <variant>

namespace archpool {

int64_t CorrectOf(double share) {
  return std::clamp<int64_t>(std::llround(share * kExamples), 0, kExamples);
}

void Tally::Note(const Event& event, absl::Time now) {
  if (const auto* lease = std::get_if<Lease>(&event)) NoteLease(*lease);
  if (const auto* trial = std::get_if<Trial>(&event)) NoteTrial(*trial, now);
}

void Tally::NoteLease(const Lease& lease) {
  const auto [entry, is_new] =
      leases_.insert({lease.id, {lease.primary, lease.role}});
  if (!is_new || lease.role != LeaseRole::kPrimary || !lease.has_high_reward) {
    return;
  }
  Watched& watched = watched_.emplace_back();
  watched.deadline = lease.deadline;
  for (const TrialId trial : lease.trials) {
    watched.architectures.push_back(architecture_of_.at(trial));
  }
}

void Tally::NoteTrial(const Trial& trial, absl::Time now) {
  architecture_of_[trial.id] = trial.architecture_id;
  if (trial.state == TrialState::kCommitted) NoteCommit(trial);
  if (trial.state == TrialState::kAccepted) NoteAccepted(trial, now);
  // Found out after it had been taken without a check.
  if (trial.state == TrialState::kRejected) false_claims_.erase(trial.id);
}

void Tally::NoteCommit(const Trial& trial) {
  if (!committed_.insert(trial.id).second) return;
  ++result_.trials;
  result_.work_units += trial.work_units;
  commit_time_.insert({trial.architecture_id, CommitTimeOf(trial)});
  if (leases_.at(trial.lease).role == LeaseRole::kBackup) {
    ++result_.backup_trials;
    result_.backup_work_units += trial.work_units;
  }
}

LeaseId Tally::PrimaryOf(LeaseId id) const {
  return leases_.at(id).primary.value_or(id);
}

void Tally::NoteAccepted(const Trial& trial, absl::Time now) {
  if (!accepted_.insert(trial.id).second) return;
  result_.copied_trials += copies_.contains(trial.id) ? 1 : 0;
  const Outcome outcome = options_.outcome_of(trial.architecture);
  if (CommitmentOf(trial).claimed_correct > CorrectOf(outcome.metric)) {
    false_claims_.insert(trial.id);
  }
  const auto [first, is_new] =
      accepted_primary_.insert({trial.architecture_id, PrimaryOf(trial.lease)});
  if (!is_new && first->second != PrimaryOf(trial.lease)) {
    ++result_.paid_twice;
  }
  if (result_.best_architecture.empty() || outcome.judge > result_.best_value) {
    result_.best_value = outcome.judge;
    result_.best_architecture = options_.space.Describe(trial.architecture);
  }
  if (options_.target && !result_.trials_to_target &&
      outcome.judge >= *options_.target) {
    result_.trials_to_target = result_.trials;
    result_.time_to_target = absl::FDivDuration(now - begin_, kMeanTrialTime);
  }
}

void Tally::CloseTask(absl::Time now) {
  result_.distinct_architectures += static_cast<int64_t>(commit_time_.size());
  for (const Watched& watched : watched_) {
    if (watched.deadline > now) continue;
    ++result_.high_reward_boxes;
    result_.high_reward_boxes_completed_in_time +=
        std::all_of(watched.architectures.begin(), watched.architectures.end(),
                    [&](const Digest& id) {
                      const auto found = commit_time_.find(id);
                      return found != commit_time_.end() &&
                             found->second <= watched.deadline;
                    });
  }
  result_.duration = absl::FDivDuration(now - begin_, kMeanTrialTime);
  result_.false_claims_accepted += static_cast<int64_t>(false_claims_.size());
  false_claims_.clear();
  leases_.clear();
  architecture_of_.clear();
  commit_time_.clear();
  accepted_primary_.clear();
  committed_.clear();
  accepted_.clear();
  copies_.clear();
  watched_.clear();
}

}  // namespace archpool
