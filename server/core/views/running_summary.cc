// SPDX-License-Identifier: Apache-2.0
#include "server/core/views/running_summary.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/nas/pareto.h"

namespace archpool {
namespace {

bool IsOnFrontLine(const Trial& trial) {
  return IsResult(trial) && VerifiedAccuracyPpm(trial).has_value();
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

void RunningSummary::Put(const Trial& trial) {
  front_.Put(trial);
  CountedTrial counted = CountedOf(trial);
  const auto [known, is_new] = counted_.try_emplace(trial.id, counted);
  if (!is_new && known->second == counted) return;
  counts_.Replace(is_new ? nullptr : &known->second, counted);
  known->second = std::move(counted);
}

TaskSummary RunningSummary::Get() {
  TaskSummary summary;
  static_cast<TaskSums&>(summary) = counts_.Get();
  summary.front = front_.Finalists();
  if (!summary.front.empty()) summary.best = summary.front.back();
  return summary;
}

}  // namespace archpool
