// SPDX-License-Identifier: Apache-2.0
#include "server/core/views/running_summary.h"

#include <algorithm>
#include <optional>

#include "common/nas/pareto.h"

namespace archpool {
namespace {

bool IsOnFrontLine(const Trial& trial) {
  return IsResult(trial) && VerifiedAccuracyPpm(trial).has_value();
}

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

RunningFront::Place RunningFront::PlaceOf(const Trial& trial) {
  return {-trial.rung, CommitTimeOf(trial), trial.id};
}

void RunningFront::Put(const Trial& trial) {
  const auto before = results_.find(trial.id);
  const bool is_result = IsOnFrontLine(trial);
  if (before != results_.end()) {
    const Trial& old = before->second;
    if (is_result && PlaceOf(old) == PlaceOf(trial) &&
        old.architecture_id == trial.architecture_id &&
        old.macs == trial.macs &&
        VerifiedAccuracyPpm(old) == VerifiedAccuracyPpm(trial)) {
      before->second = trial;
      return;
    }
    Erase(trial.id);
  }
  if (is_result) Insert(trial);
}

void RunningFront::Insert(const Trial& trial) {
  results_[trial.id] = trial;
  absl::btree_set<Place>& places = of_architecture_[trial.architecture_id];
  const std::optional<Place> first =
      places.empty() ? std::nullopt : std::optional(*places.begin());
  const Place place = PlaceOf(trial);
  places.insert(place);
  if (*places.begin() != place) return;
  if (first) Leave(std::get<TrialId>(*first));
  Enter(trial.id);
}

void RunningFront::Erase(TrialId id) {
  const auto gone = results_.find(id);
  const Place place = PlaceOf(gone->second);
  const auto places = of_architecture_.find(gone->second.architecture_id);
  const bool counted = *places->second.begin() == place;
  places->second.erase(place);
  results_.erase(gone);
  if (counted) Leave(id);
  if (places->second.empty()) {
    of_architecture_.erase(places);
  } else if (counted) {
    Enter(std::get<TrialId>(*places->second.begin()));
  }
}

// What the front hides it hides from any later front, too: so a new result is
// compared with the front alone.
void RunningFront::Enter(TrialId id) {
  if (is_stale_) return;
  std::vector<TrialId> ids = front_;
  ids.push_back(id);
  front_ = FrontOf(std::move(ids));
}

void RunningFront::Leave(TrialId id) {
  is_stale_ =
      is_stale_ || std::find(front_.begin(), front_.end(), id) != front_.end();
}

std::vector<TrialId> RunningFront::FrontOf(std::vector<TrialId> ids) const {
  std::sort(ids.begin(), ids.end());
  std::vector<ParetoPoint> points;
  points.reserve(ids.size());
  for (const TrialId id : ids) {
    const Trial& trial = results_.at(id);
    points.push_back(
        {.accuracy_ppm = *VerifiedAccuracyPpm(trial), .macs = trial.macs});
  }
  std::vector<TrialId> front;
  for (const size_t index : ParetoFront(points)) front.push_back(ids[index]);
  return front;
}

std::vector<Trial> RunningFront::Finalists() {
  if (is_stale_) {
    std::vector<TrialId> counted;
    for (const auto& [architecture, places] : of_architecture_) {
      counted.push_back(std::get<TrialId>(*places.begin()));
    }
    front_ = FrontOf(std::move(counted));
    is_stale_ = false;
  }
  std::vector<Trial> finalists;
  for (const TrialId id : front_) finalists.push_back(results_.at(id));
  return finalists;
}

RunningSummary::Part RunningSummary::PartOf(const Trial& trial) {
  const TrialSettlement settled = SettlementOf(trial);
  Part part{.state = trial.state,
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
    part.is_committed = true;
    part.draw_ppm = trial.commitment->draw_ppm;
    part.train_time = trial.commitment->train_time;
    part.has_diverged = trial.commitment->diverged_at_step.has_value();
  }
  return part;
}

void RunningSummary::Put(const Trial& trial) {
  front_.Put(trial);
  Part part = PartOf(trial);
  const auto [known, is_new] = parts_.try_emplace(trial.id, part);
  if (!is_new && known->second == part) return;
  if (!is_new) Count(known->second, -1);
  Count(part, 1);
  CountDraw(is_new ? nullptr : &known->second, part);
  known->second = std::move(part);
}

void RunningSummary::Count(const Part& part, int64_t sign) {
  if (part.is_known) {
    sums_.trials_known += sign;
    CountAccepted(part, sign);
    return;
  }
  sums_.audit_time += sign * part.audit_time;
  if (part.is_committed) sums_.training_time += sign * part.train_time;
  MinerShare& share = shares_[part.account].sums;
  share.account = part.account;
  share.payout += sign * part.payout;
  CountState(part, sign);
}

void RunningSummary::CountState(const Part& part, int64_t sign) {
  MinerShare& share = shares_[part.account].sums;
  switch (part.state) {
    case TrialState::kAssigned:
      sums_.trials_assigned += sign;
      return;
    case TrialState::kCommitted:
    case TrialState::kUploaded:
      sums_.trials_pending += sign;
      return;
    case TrialState::kAccepted:
      sums_.trials_accepted += sign;
      sums_.trials_at_chance += part.is_at_chance ? sign : 0;
      sums_.trials_diverged += part.has_diverged ? sign : 0;
      sums_.work_units_accepted += sign * part.work_units;
      share.trials_accepted += sign;
      share.work_units += sign * part.work_units;
      share.trials_audited += part.is_audited ? sign : 0;
      share.work_units_matured += part.is_matured ? sign * part.work_units : 0;
      CountAccepted(part, sign);
      return;
    case TrialState::kRejected:
      sums_.trials_rejected += sign;
      share.trials_rejected += sign;
      AddToCount(sums_.rejected_by_reason, part.reason, sign);
      return;
    case TrialState::kAbandoned:
      sums_.trials_abandoned += sign;
      return;
  }
}

void RunningSummary::CountAccepted(const Part& part, int64_t sign) {
  accepted_ += sign;
  AddToCount(explored_, part.subspace, sign);
  AddToCount(distinct_, std::pair(part.architecture_id, part.rung), sign);
}

// A commitment is made once: hardly anything is ever divided.
void RunningSummary::CountDraw(const Part* before, const Part& part) {
  const auto missed = [](const Part& one) {
    return one.is_committed && !one.is_known ? MissedBy(one.draw_ppm) : 1.0;
  };
  if (before != nullptr && before->account == part.account &&
      missed(*before) == missed(part)) {
    return;
  }
  if (before != nullptr && missed(*before) != 1.0) {
    shares_[before->account].undetected /= missed(*before);
  }
  if (missed(part) != 1.0) shares_[part.account].undetected *= missed(part);
}

TaskSummary RunningSummary::Get() {
  TaskSummary summary = sums_;
  summary.front = front_.Finalists();
  if (!summary.front.empty()) summary.best = summary.front.back();
  summary.trials_redundant = accepted_ - std::ssize(distinct_);
  summary.subspaces_explored = std::ssize(explored_);
  for (const auto& [account, share] : shares_) {
    MinerShare shown = share.sums;
    shown.detection_ppm = static_cast<int64_t>(1e6 * (1 - share.undetected));
    summary.shares.push_back(shown);
  }
  return summary;
}

}  // namespace archpool
