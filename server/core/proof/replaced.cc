// SPDX-License-Identifier: Apache-2.0
// How trials of a replaced arithmetic end: nobody can replay
// them any more, and that is nobody's fault.
#include <utility>
#include <vector>

#include "server/core/money/money.h"
#include "server/core/proof/parts.h"
#include "server/core/proof/proof.h"
#include "server/core/rules/arithmetics.h"

namespace archpool::proof {
namespace {

// One that was committed and is not judged. Its weights decide where they are
// here; else it is paid as what no verifier decided.
void JudgePending(Step& step, const Trial& trial, const Audit* audit) {
  if (audit != nullptr && IsCleared(*audit)) {
    AcceptSeen(step, trial, IsClearedWhole(*audit));
  } else if (trial.state == TrialState::kUploaded) {
    EndAudit(step, trial.id);
    AskEvaluation(step, trial);
  } else {
    AcceptTrial(step, trial, TrialBasis::kUnverified);
  }
}

void Judge(Step& step, TrialId id) {
  const Trial trial = *step.state.Find(id);
  if (IsReplayable(trial) || !trial.commitment || trial.known_from.IsSet()) {
    return;
  }
  const Audit* audit = step.state.Find(step.state.audits().Of(id));
  if (audit != nullptr && audit->kind == AuditKind::kEvaluation) return;
  if (IsPending(trial.state)) {
    JudgePending(step, trial, audit);
  } else if (audit != nullptr) {
    EndAudit(step, id);
  }
  // Its miner keeps nothing that could be asked for: what is owed is owed.
  const Trial& judged = *step.state.Find(id);
  if (judged.state == TrialState::kAccepted && !IsMatured(judged)) {
    money::Credit(step, id);
  }
}

}  // namespace

void JudgeReplaced(Step& step) {
  std::vector<TrialId> trials;
  for (const auto& [task, record] : step.state.tasks().all()) {
    const auto& of_task = step.state.IndexOf(task).trials;
    trials.insert(trials.end(), of_task.begin(), of_task.end());
  }
  for (const TrialId id : trials) Judge(step, id);
}

}  // namespace archpool::proof
