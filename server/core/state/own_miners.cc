// SPDX-License-Identifier: Apache-2.0
#include "server/core/state/own_miners.h"

#include <algorithm>

#include "absl/numeric/int128.h"
#include "server/core/rules/audit_cost.h"
#include "server/core/state/queries.h"

namespace archpool {
namespace {

constexpr int64_t kOnePpm = 1'000'000;
// What audits may take, divided by this.
constexpr int64_t kBeforeTheEnd = 2;
constexpr int64_t kForOthers = 4;

absl::int128 AllowedOf(const PoolPolicy& policy, absl::int128 trained) {
  return trained * policy.own_miners_ppm / kOnePpm;
}

// What will be trained if the task comes to the end of its budget with trials
// like this one.
absl::int128 PlannedUnits(const Budget& budget, const Trial& trial) {
  const absl::int128 units = budget.work_units;
  if (budget.trials_max == 0) return units;
  return std::min(units, absl::int128(budget.trials_max) * trial.work_units);
}

bool MeetsTarget(const Budget& budget, const DatasetManifest& manifest,
                 const Trial& trial) {
  return budget.target_accuracy_ppm > 0 &&
         ValidationCorrect(trial) * kOnePpm / manifest.validation_count >=
             budget.target_accuracy_ppm;
}

}  // namespace

bool IsTrusted(const PoolState& state, const PoolPolicy& policy,
               AccountId account) {
  if (policy.own_miners_ppm == 0) return false;
  const Account& miner = *state.Find(account);
  return miner.trials_rejected == 0 && !miner.invited_by.IsSet();
}

OwnCheck OwnCheckOf(const PoolState& state, const PoolPolicy& policy,
                    const Trial& trial, bool is_top) {
  // A training that diverged is at chance too. Neither can win.
  if (trial.is_at_chance) return OwnCheck::kNone;
  const TaskSpec& spec = *state.Find(trial.task)->spec;
  const TaskIndex& index = state.IndexOf(trial.task);
  const absl::int128 examined = index.examined_units;
  absl::int128 trained =
      absl::int128(index.tally.accepted_units) + trial.work_units;
  if (examined == 0) {
    trained = std::max(trained, PlannedUnits(spec.budget, trial));
  }
  const absl::int128 allowed = AllowedOf(policy, trained);
  const WorkUnits in_full = SegmentUnits(spec, index.manifest, trial, true);
  const WorkUnits segment = SegmentUnits(spec, index.manifest, trial, false);
  if (is_top && MeetsTarget(spec.budget, index.manifest, trial) &&
      examined + in_full <= allowed) {
    return OwnCheck::kInFull;  // it may be the task's end
  }
  const auto is_due = [&](WorkUnits units, int64_t part) {
    return part * (examined + units) <= allowed &&
           examined + units + in_full <= allowed;
  };
  if (is_top && is_due(in_full, kBeforeTheEnd)) return OwnCheck::kInFull;
  return is_due(segment, kForOthers) ? OwnCheck::kSegment : OwnCheck::kNone;
}

bool MayExamine(const PoolState& state, const PoolPolicy& policy, TaskId task,
                WorkUnits asked, WorkUnits units) {
  const TaskIndex& index = state.IndexOf(task);
  return absl::int128(index.examined_units) + asked + units <=
         AllowedOf(policy, index.tally.accepted_units);
}

}  // namespace archpool
