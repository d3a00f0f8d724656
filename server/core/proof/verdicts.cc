// SPDX-License-Identifier: Apache-2.0
// Verdicts, and what follows from them: standing, credit that matures or is
// void, and the last audits of a task before its reward is split.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "server/core/leaves/audit_draw.h"
#include "server/core/money/money.h"
#include "server/core/proof/parts.h"
#include "server/core/search/search.h"
#include "server/core/state/own_miners.h"
#include "server/core/state/queries.h"
#include "server/core/state/quotas.h"

namespace archpool::proof {
namespace {

void Reject(Step& step, Trial trial, const std::string& reason);

// What continued from the weights of a rejected trial is worth no more than
// they are.
void RejectWhatGrewFrom(Step& step, const Trial& rejected) {
  const auto& all = step.state.IndexOf(rejected.task).networks.grown;
  const auto found = all.find(rejected.id);
  if (found == all.end()) return;
  for (const TrialId id : found->second) {
    Trial trial = *step.state.Find(id);
    if (IsPending(trial.state) || trial.state == TrialState::kAccepted) {
      Reject(step, std::move(trial), "RESUMED_FROM_REJECTED");
    } else if (trial.state == TrialState::kAssigned) {
      trial.state = TrialState::kAbandoned;
      step.state.Put(trial);
    }
  }
}

// What a rejection does to the trial and to its account's counts.
void Reject(Step& step, Trial trial, const std::string& reason) {
  --step.judged_left;
  EndAudit(step, trial.id);
  SetSettlement(trial, {.pay = money::TakeCreditBack(step, trial)});
  const bool counted = trial.state == TrialState::kAccepted &&
                       BasisOf(trial) != TrialBasis::kUnverified;
  trial.state = TrialState::kRejected;
  trial.reason = reason;
  Verdict& verdict = VerdictIn(trial);
  verdict.basis.reset();
  verdict.is_matured = false;
  step.state.Put(trial);
  search::ReopenIfCompleted(step, trial.subspace);
  Account account = *step.state.Find(trial.account);
  if (counted) CountAccepted(step.state, trial, -1, account);
  ++account.trials_rejected;
  step.state.Put(account);
  step.facts.push_back(TrialRejected{trial.id, trial.task});
  RejectWhatGrewFrom(step, trial);
}

// And not about to be examined after all.
bool IsClean(const PoolState& state, TrialId id) {
  const Trial& trial = *state.Find(id);
  if (trial.state != TrialState::kAccepted || state.audits().Of(id).IsSet()) {
    return false;
  }
  const std::optional<absl::Time>& until =
      state.Find(trial.account)->examine_until;
  return !until || BasisOf(trial) != TrialBasis::kSampledOut ||
         CommitTimeOf(trial) > *until;
}

// The account's oldest block in the task, where its draws are clean and another
// whole block follows: so the last one is never shorter.
void MatureBlocks(Step& step, TaskId task, AccountId account) {
  // Its workers are to keep what may be asked for at the task's end.
  if (IsTrusted(step.state, step.policy, account)) return;
  // Else a miner that is drawn could go away until the rest has matured.
  if (!step.state.audits().AwayOf(account).empty()) return;
  for (;;) {
    const auto& all = step.state.IndexOf(task).tally.immature;
    const auto found = all.find(account);
    if (found == all.end() ||
        std::ssize(found->second) < 2 * step.policy.credit_block) {
      return;
    }
    std::vector<TrialId> block;
    int64_t count = 0;
    for (auto next = FirstNotVoid(step.state, account, found->second);
         next != found->second.end() && count < 2 * step.policy.credit_block;
         ++next, ++count) {
      if (count >= step.policy.credit_block) continue;
      if (!IsClean(step.state, next->second)) return;
      block.push_back(next->second);
    }
    if (count < 2 * step.policy.credit_block) return;
    for (const TrialId id : block) money::Credit(step, id);
  }
}

}  // namespace

Immature::const_iterator FirstNotVoid(const PoolState& state, AccountId account,
                                      const Immature& immature) {
  const std::optional<absl::Time>& until = state.Find(account)->void_until;
  return until ? immature.upper_bound({*until, TrialId{INT64_MAX}})
               : immature.begin();
}

void MatureAfterAbsence(Step& step, AccountId account) {
  if (!step.state.audits().AwayOf(account).empty()) return;
  std::vector<TaskId> tasks;
  for (const auto& [id, task] : step.state.tasks().all()) {
    if (step.state.IndexOf(id).tally.immature.contains(account)) {
      tasks.push_back(id);
    }
  }
  for (const TaskId id : tasks) MatureBlocks(step, id, account);
}

void VoidOne(Step& step, const Trial& trial) {
  Reject(step, trial, "CREDIT_VOID");
}

void EndAudit(Step& step, TrialId trial) {
  const AuditId id = step.state.audits().Of(trial);
  if (!id.IsSet()) return;
  Audit audit = *step.state.Find(id);
  audit.state = AuditState::kDone;
  audit.expire_time.reset();
  step.state.Put(audit);
  step.facts.push_back(AuditClosed{audit.task});
  if (audit.away_until) {
    step.facts.push_back(AbsenceEnded{step.state.Find(trial)->account});
  }
}

void AcceptTrial(Step& step, Trial trial, TrialBasis basis) {
  const Task& task = *step.state.Find(trial.task);
  const DatasetManifest& manifest = ManifestOf(step.state, task.id);
  if (LacksWeights(step.state, trial)) {
    basis = TrialBasis::kUnverified;
    if (trial.verdict) trial.verdict->verified_accuracy_ppm.reset();
  }
  EndAudit(step, trial.id);
  Account account = *step.state.Find(trial.account);
  if (basis == TrialBasis::kUnverified) {
    // It buys no standing, and what it had bought is gone.
    if (trial.state == TrialState::kAccepted) {
      CountAccepted(step.state, trial, -1, account);
    }
  } else if (trial.state != TrialState::kAccepted) {
    CountAccepted(step.state, trial, 1, account);
    account.accuracy_ppm.Add(ValidationCorrect(trial) * 1'000'000 /
                             manifest.validation_count);
  }
  if (basis >= TrialBasis::kAudited) {
    account.rejections_in_a_row = 0;
    // What its own group pays for says nothing of its work for others.
    if (!IsPaidWithinGroup(step.state, trial, account)) {
      account.audit_rate_ppm =
          RateAfterPass(step.policy, account.audit_rate_ppm);
    }
  }
  step.state.Put(account);
  trial.state = TrialState::kAccepted;
  Verdict& verdict = VerdictIn(trial);
  verdict.basis = std::max(verdict.basis, std::optional(basis));
  step.state.Put(trial);
  search::CompleteIfDone(step, trial.subspace);
  MatureBlocks(step, trial.task, trial.account);
  step.facts.push_back(TrialAccepted{trial.id, trial.task});
}

// A copy, since callers give what a Put would take from under it.
// NOLINTNEXTLINE(performance-unnecessary-value-param)
void RejectTrial(Step& step, Trial trial, const std::string& reason,
                 Fault fault) {
  // The operator's own machine has a fault rather than an intent: what else it
  // did is examined, and what was done well stays.
  if (fault == Fault::kFraud && step.policy.own_miners_ppm > 0) {
    fault = Fault::kMiner;
  }
  Reject(step, trial, reason);
  Account account = *step.state.Find(trial.account);
  if (fault == Fault::kMiner || fault == Fault::kFraud) {
    ++account.rejections_in_a_row;
  }
  if (fault != Fault::kNone) {
    account.audit_rate_ppm = 1'000'000;
    step.state.Put(account);
  }
  if (fault == Fault::kFraud) {
    VoidCredit(step, account.id);
    step.facts.push_back(MinerConvicted{trial.lease});
  } else if (fault != Fault::kNone) {
    AskImmature(step, account.id);
  }
  if (account.rejections_in_a_row >= step.policy.rejections_to_suspend &&
      account.state == AccountState::kActive) {
    Account suspended = *step.state.Find(account.id);
    suspended.state = AccountState::kSuspended;
    step.state.Put(suspended);
    step.facts.push_back(AccountSuspended{account.id});
  }
}

}  // namespace archpool::proof
