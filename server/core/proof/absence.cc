// SPDX-License-Identifier: Apache-2.0
// Answers that are due while nothing is heard of their miner's account, as
// where its power or its line was cut. They are waited for while that holds up
// nobody (docs/adr/0036-wait-for-who-is-away.md). A miner that goes away
// because it was drawn gains nothing: until the answer is here or decided
// nothing of the account matures, and where it cannot be waited for any longer,
// verifiers do the training again in place of the one that was drawn by lot.
#include <algorithm>
#include <vector>

#include "server/core/leaves/audit_draw.h"
#include "server/core/proof/parts.h"
#include "server/core/proof/proof.h"
#include "server/core/rules/arithmetics.h"
#include "server/core/state/answers.h"
#include "server/core/state/queries.h"

namespace archpool::proof {
namespace {

bool IsAwaited(const Audit& audit) {
  return audit.state == AuditState::kAsked && audit.is_away;
}

// Whether no task that ends has to be settled with what the account did.
bool HoldsUpNoEnd(const PoolState& state, const Audit& audit,
                  AccountId account) {
  for (const auto& [id, task] : state.tasks().all()) {
    if (task.state != TaskState::kFinishing) continue;
    if (id == audit.task ||
        state.IndexOf(id).tally.immature.contains(account)) {
      return false;
    }
  }
  return true;
}

// It was asked for because of a lot that may have spared it. Of a trial that
// was to be asked for in any case nothing can be gained by going away.
bool WasDrawnByLot(const Task& task, const Trial& trial) {
  const int64_t draw_ppm = CommitmentOf(trial).draw_ppm;
  return draw_ppm < 1'000'000 && DrawOf(task, trial).lot_ppm < draw_ppm;
}

void Extend(Step& step, Audit audit) {
  if (!audit.away_until) {
    audit.away_until = *audit.expire_time + step.policy.away_term;
  }
  audit.is_away = true;
  audit.expire_time = audit.away_until;
  step.state.Put(audit);
  // Its weights are a part of the answer.
  Trial trial = *step.state.Find(audit.trial);
  if (trial.state != TrialState::kCommitted ||
      trial.upload_deadline == audit.expire_time) {
    return;
  }
  trial.upload_deadline = audit.expire_time;
  step.state.Put(trial);
}

// It is not waited for any longer.
void Decide(Step& step, Audit audit) {
  Trial trial = *step.state.Find(audit.trial);
  const bool is_seen = trial.state == TrialState::kAccepted && IsSeen(trial);
  if (IsReplayable(trial) &&
      (is_seen || WasDrawnByLot(*step.state.Find(audit.task), trial))) {
    audit.kind = AuditKind::kWhole;
    audit.missing = 0;
    audit.is_away = false;
    // Until it is decided, all that it is to be without.
    if (!audit.away_until) audit.away_until = step.now;
    AwaitVerifiers(step.state, step.policy, audit, step.now);
    step.state.Put(audit);
  } else if (is_seen) {
    EndInconclusive(step, std::move(trial));
  } else {
    RejectTrial(step, std::move(trial), "MINER_AWAY", Fault::kNone);
  }
}

}  // namespace

void CloseAway(Step& step, const Trial& trial) {
  const Audit* found = step.state.Find(step.state.audits().Of(trial.id));
  if (found == nullptr) {
    RejectTrial(step, trial, "WEIGHTS_MISSING", Fault::kNone);
    return;
  }
  const Audit audit = *found;
  if (!HoldsUpNoEnd(step.state, audit, trial.account)) {
    return Decide(step, audit);
  }
  Extend(step, audit);
  GiveUpLastAway(step, audit.task);
}

bool LacksWeights(const PoolState& state, const Trial& trial) {
  const Audit* audit = state.Find(state.audits().Of(trial.id));
  if (audit == nullptr || !audit->away_until ||
      audit->kind != AuditKind::kWhole ||
      trial.state == TrialState::kUploaded) {
    return false;
  }
  return trial.state != TrialState::kAccepted ||
         (!IsSeen(trial) &&
          !WantsWeights(state.Find(trial.task)->spec->recipe, trial));
}

void NoteReturn(Step& step, AccountId account) {
  const absl::btree_set<AuditId> due = step.state.audits().AwayOf(account);
  for (const AuditId id : due) {
    Audit audit = *step.state.Find(id);
    if (!IsAwaited(audit)) continue;
    audit.is_away = false;
    audit.expire_time =
        AnswerDeadline(step.state, step.policy, *step.state.Find(audit.trial),
                       audit.missing, step.now);
    step.state.Put(audit);
  }
}

void EndWaits(Step& step, TaskId task) {
  const auto& immature = step.state.IndexOf(task).tally.immature;
  std::vector<AuditId> due;
  for (const auto& [account, audits] : step.state.audits().away()) {
    if (!immature.contains(account)) continue;
    due.insert(due.end(), audits.begin(), audits.end());
  }
  for (const AuditId id : due) {
    Audit audit = *step.state.Find(id);
    if (!IsAwaited(audit)) continue;
    const absl::Duration alone =
        AnswerTime(step.state, step.policy, *step.state.Find(audit.trial),
                   audit.missing, {});
    audit.expire_time = std::min(*audit.expire_time, step.now + alone);
    step.state.Put(audit);
  }
}

void GiveUpAway(Step& step, TaskId task) {
  std::vector<AuditId> due;
  for (const AuditId id : step.state.IndexOf(task).audits) {
    if (std::ssize(due) >= step.policy.settle_trials_max) break;
    if (IsAwaited(*step.state.Find(id))) due.push_back(id);
  }
  for (const AuditId id : due) {
    // It may have gone with what its trial grew from.
    const Audit* audit = step.state.Find(id);
    if (audit == nullptr || !IsAwaited(*audit)) continue;
    const Trial& trial = *step.state.Find(audit->trial);
    if (!IsVoid(step.state, trial)) Decide(step, *audit);
  }
}

void GiveUpLastAway(Step& step, TaskId task) {
  const int64_t away = step.state.audits().AwayIn(task);
  if (away == 0) return;
  const TaskIndex& index = step.state.IndexOf(task);
  if (TrialsLeft(*step.state.Find(task), index) <= 0 &&
      index.tally.assigned == 0 && index.tally.pending == away) {
    GiveUpAway(step, task);
  }
}

}  // namespace archpool::proof
