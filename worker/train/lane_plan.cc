// SPDX-License-Identifier: Apache-2.0
#include "worker/train/lane_plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"

namespace archpool {
namespace {

// Each takes a part of the time that a start may take.
constexpr size_t kChoicesMax = 4;
// What two measurements of the same thing may differ by.
constexpr double kMeasuredError = 0.05;

}  // namespace

LanePlan PlanLanes(int64_t lanes, int64_t threads, int64_t memory_bytes) {
  ARCHPOOL_CHECK(lanes > 0 && lanes <= threads);
  LanePlan plan{.lanes = lanes, .threads = threads / lanes};
  if (memory_bytes > 0) {
    const int64_t shared = std::max<int64_t>(memory_bytes - kProgramBytes, 0);
    plan.memory_bytes =
        lanes == 1 ? memory_bytes : kProgramBytes + shared / lanes;
  }
  return plan;
}

std::vector<LanePlan> LaneChoices(int64_t threads, int64_t memory_bytes) {
  std::vector<LanePlan> choices{PlanLanes(1, threads, memory_bytes)};
  int64_t lanes = std::min(threads, memory_bytes / kLaneBytesMin);
  for (; lanes > 1 && choices.size() < kChoicesMax; lanes /= 2) {
    choices.push_back(PlanLanes(lanes, threads, memory_bytes));
  }
  return choices;
}

size_t FillsBest(const std::vector<LanePlan>& choices,
                 const std::vector<double>& rates) {
  ARCHPOOL_CHECK(!choices.empty() && choices.size() == rates.size());
  const double best = *std::max_element(rates.begin(), rates.end());
  size_t chosen = choices.size();
  for (size_t i = 0; i < choices.size(); ++i) {
    if (rates[i] < (1 - kMeasuredError) * best) continue;
    if (chosen == choices.size() || choices[i].lanes < choices[chosen].lanes) {
      chosen = i;
    }
  }
  return chosen;
}

std::string DescribeLanes(const LanePlan& plan) {
  return absl::StrCat(plan.lanes,
                      plan.lanes == 1 ? " training, " : " trainings, ",
                      plan.threads, plan.threads == 1 ? " thread" : " threads",
                      plan.lanes == 1 ? "" : " each");
}

}  // namespace archpool
