// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/front_builder.h"

#include <algorithm>
#include <optional>
#include <tuple>

namespace archpool {

void FrontBuilder::Add(const Trial& trial) {
  const std::optional<int64_t> accuracy_ppm = VerifiedAccuracyPpm(trial);
  if (!accuracy_ppm || !IsResult(trial)) return;
  results_.push_back(
      {.trial = trial.id,
       .rung = trial.rung,
       .commit_time = CommitTimeOf(trial),
       .point = {.accuracy_ppm = *accuracy_ppm, .macs = trial.macs}});
  const auto [known, is_new] =
      counting_.insert({trial.architecture_id, results_.size() - 1});
  if (is_new) return;
  const auto order_of = [](const Result& result) {
    return std::tuple(-result.rung, result.commit_time, result.trial);
  };
  Result& counted = results_[known->second];
  if (order_of(results_.back()) < order_of(counted)) {
    counted.counts = false;
    known->second = results_.size() - 1;
  } else {
    results_.back().counts = false;
  }
}

std::vector<TrialId> FrontBuilder::Finalists() const {
  std::vector<const Result*> counted;
  for (const Result& result : results_) {
    if (result.counts) counted.push_back(&result);
  }
  const auto is_earlier = [](const Result* a, const Result* b) {
    return a->trial < b->trial;
  };
  if (!std::is_sorted(counted.begin(), counted.end(), is_earlier)) {
    std::sort(counted.begin(), counted.end(), is_earlier);
  }
  std::vector<ParetoPoint> points;
  points.reserve(counted.size());
  for (const Result* result : counted) points.push_back(result->point);
  std::vector<TrialId> finalists;
  for (const size_t index : ParetoFront(points)) {
    finalists.push_back(counted[index]->trial);
  }
  return finalists;
}

std::vector<Trial> FinalistsOf(absl::Span<const Trial> accepted) {
  FrontBuilder front;
  absl::btree_map<TrialId, const Trial*> by_id;
  for (const Trial& trial : accepted) {
    front.Add(trial);
    by_id[trial.id] = &trial;
  }
  std::vector<Trial> finalists;
  for (const TrialId id : front.Finalists()) finalists.push_back(*by_id[id]);
  return finalists;
}

}  // namespace archpool
