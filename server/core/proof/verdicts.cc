// SPDX-License-Identifier: Apache-2.0
// Verdicts, and what follows from them: standing, credit that matures or is
// void, and the last audits of a task before its reward is split.
#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "server/core/leaves/audit_draw.h"
#include "server/core/money/money.h"
#include "server/core/proof/parts.h"
#include "server/core/search/search.h"
#include "server/core/state/queries.h"
#include "server/core/state/quotas.h"

namespace archpool::proof {
namespace {

using Immature = absl::btree_set<std::pair<absl::Time, TrialId>>;

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
  EndAudit(step, trial.id);
  trial.pay = money::TakeCreditBack(step, trial);
  const bool counted = trial.state == TrialState::kAccepted &&
                       trial.basis != TrialBasis::kUnverified;
  trial.state = TrialState::kRejected;
  trial.reason = reason;
  trial.basis = TrialBasis::kNone;
  trial.is_matured = false;
  trial.finders_bonus = 0;
  step.state.Put(trial);
  search::ReopenIfCompleted(step, trial.subspace);
  Account account = *step.state.Find(trial.account);
  if (counted) CountAccepted(step.state, trial, -1, account);
  ++account.trials_rejected;
  step.state.Put(account);
  step.facts.push_back(TrialRejected{trial.id, trial.task});
  RejectWhatGrewFrom(step, trial);
}

// What of the account has not matured, in every open task.
std::vector<TrialId> ImmatureOf(const PoolState& state, AccountId account) {
  std::vector<TrialId> trials;
  for (const auto& [id, task] : state.tasks().all()) {
    const auto& immature = state.IndexOf(id).tally.immature;
    const auto found = immature.find(account);
    if (found == immature.end()) continue;
    for (const auto& [commit_time, trial] : found->second) {
      trials.push_back(trial);
    }
  }
  return trials;
}

void VoidCredit(Step& step, const Trial& refuted) {
  for (const TrialId id : ImmatureOf(step.state, refuted.account)) {
    const Trial& trial = *step.state.Find(id);
    if (trial.state == TrialState::kRejected)
      continue;  // with what it grew from
    Reject(step, trial, "CREDIT_VOID");
  }
}

// What was taken without a check is examined after all.
void AskImmature(Step& step, AccountId account) {
  for (const TrialId id : ImmatureOf(step.state, account)) {
    const Trial& trial = *step.state.Find(id);
    if (trial.basis == TrialBasis::kSampledOut &&
        !step.state.audits().Of(id).IsSet()) {
      AskSegment(step, trial, /*measures_all=*/false);
    }
  }
}

bool IsClean(const PoolState& state, TrialId id) {
  return state.Find(id)->state == TrialState::kAccepted &&
         !state.audits().Of(id).IsSet();
}

// The account's oldest block in the task, where its draws are clean and another
// whole block follows: so the last one is never shorter.
void MatureBlocks(Step& step, TaskId task, AccountId account) {
  for (;;) {
    const auto& all = step.state.IndexOf(task).tally.immature;
    const auto found = all.find(account);
    if (found == all.end() ||
        std::ssize(found->second) < 2 * step.policy.credit_block) {
      return;
    }
    std::vector<TrialId> block;
    for (const auto& [commit_time, id] : found->second) {
      if (std::ssize(block) == step.policy.credit_block) break;
      if (!IsClean(step.state, id)) return;
      block.push_back(id);
    }
    for (const TrialId id : block) money::Credit(step, id);
  }
}

}  // namespace

void EndAudit(Step& step, TrialId trial) {
  const AuditId id = step.state.audits().Of(trial);
  if (!id.IsSet()) return;
  Audit audit = *step.state.Find(id);
  audit.state = AuditState::kDone;
  audit.expire_time.reset();
  step.state.Put(audit);
  step.facts.push_back(AuditClosed{audit.task});
}

void AcceptTrial(Step& step, Trial trial, TrialBasis basis) {
  const Task& task = *step.state.Find(trial.task);
  const DatasetManifest& manifest = ManifestOf(step.state, task.id);
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
    account.audit_rate_ppm = RateAfterPass(step.policy, account.audit_rate_ppm);
  }
  step.state.Put(account);
  trial.state = TrialState::kAccepted;
  trial.basis = std::max(trial.basis, basis);
  step.state.Put(trial);
  search::CompleteIfDone(step, trial.subspace);
  MatureBlocks(step, trial.task, trial.account);
  step.facts.push_back(TrialAccepted{trial.id, trial.task});
}

// A copy, since callers give what a Put would take from under it.
// NOLINTNEXTLINE(performance-unnecessary-value-param)
void RejectTrial(Step& step, Trial trial, const std::string& reason,
                 Fault fault) {
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
    VoidCredit(step, trial);
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
