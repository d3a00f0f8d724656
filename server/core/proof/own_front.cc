// SPDX-License-Identifier: Apache-2.0
// What a task ends with where miners are the operator's own: networks that the
// front has by their claims are examined as it is settled, the most accurate
// first, as far as audits may go. The most accurate is in any case.
#include <algorithm>
#include <vector>

#include "server/core/proof/parts.h"
#include "server/core/proof/proof.h"
#include "server/core/rules/arithmetics.h"
#include "server/core/rules/audit_cost.h"
#include "server/core/state/own_miners.h"
#include "server/core/state/queries.h"

namespace archpool::proof {
namespace {

// Whether its miner has what it would be asked for.
bool CanBeAsked(const Step& step, const Trial& trial) {
  return !trial.known_from.IsSet() && !IsMatured(trial) &&
         IsReplayable(trial) &&
         IsTrusted(step.state, step.policy, trial.account);
}

// Whether nobody came to examine what was asked for.
bool HasUnverified(const Step& step, TaskId task) {
  const auto& trials = step.state.IndexOf(task).trials;
  return std::any_of(trials.begin(), trials.end(), [&](TrialId id) {
    return BasisOf(*step.state.Find(id)) == TrialBasis::kUnverified;
  });
}

}  // namespace

bool LookForOwnFront(const Step& step, TaskId task, Settling& settling) {
  const TaskIndex& index = step.state.IndexOf(task);
  int64_t looks_left = kLooksPerWrite * step.policy.settle_trials_max;
  auto next = index.trials.upper_bound(settling.claimed);
  for (; next != index.trials.end() && looks_left > 0; ++next, --looks_left) {
    Trial trial = *step.state.Find(*next);
    settling.claimed = trial.id;
    if (trial.state != TrialState::kAccepted) continue;
    // By one measure for all of them, which tells of the others before they
    // are measured on the held-out split.
    VerdictIn(trial).verified_accuracy_ppm =
        ValidationCorrect(trial) * 1'000'000 / index.manifest.validation_count;
    settling.claims.Add(trial);
  }
  return next == index.trials.end();
}

bool AskOwnFront(Step& step, TaskId task, const Settling& settling) {
  // A verifier that is away is waited for once, and not for each network.
  if (step.memory.verifiers.Working(step.policy, step.now).empty() &&
      HasUnverified(step, task)) {
    return false;
  }
  const TaskSpec& spec = *step.state.Find(task)->spec;
  const std::vector<TrialId> front = settling.claims.Finalists();
  WorkUnits asked = 0;
  bool has_one = false;  // the most accurate of those that can be
  int64_t count = step.policy.settle_trials_max;
  for (auto id = front.rbegin(); id != front.rend() && count > 0; ++id) {
    const Trial trial = *step.state.Find(*id);
    if (VerifiedAccuracyPpm(trial)) has_one = true;
    if (VerifiedAccuracyPpm(trial) || !CanBeAsked(step, trial)) continue;
    const WorkUnits units = SegmentUnits(spec, ManifestOf(step.state, task),
                                         trial, /*measures_all=*/true);
    if (has_one && !MayExamine(step.state, step.policy, task, asked, units)) {
      continue;
    }
    AskSegment(step, trial, /*measures_all=*/true);
    has_one = true;
    asked += units;
    --count;
  }
  return asked > 0;
}

}  // namespace archpool::proof
