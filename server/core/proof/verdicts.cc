// Verdicts, and what follows from them: standing, credit that matures or is
// void, and the last audits of a task before its reward is split.
#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "server/core/leaves/audit_draw.h"
#include "server/core/pool_internal.h"

namespace archpool::internal {
namespace {

using Immature = absl::btree_set<std::pair<absl::Time, TrialId>>;

void Reject(PoolState& state, Trial trial, const std::string& reason);

// What went on from the weights of a rejected trial is worth no more than they
// are.
void RejectWhatGrewFrom(PoolState& state, const Trial& rejected) {
  const auto& all = state.IndexOf(rejected.task).grown;
  const auto found = all.find(rejected.id);
  if (found == all.end()) return;
  for (const TrialId id : found->second) {
    Trial trial = *state.Find(id);
    if (IsPending(trial.state) || trial.state == TrialState::kAccepted) {
      Reject(state, std::move(trial), "RESUMED_FROM_REJECTED");
    } else if (trial.state == TrialState::kAssigned) {
      trial.state = TrialState::kAbandoned;
      state.Put(trial);
    }
  }
}

// What a rejection does to the trial and to its account's counts.
void Reject(PoolState& state, Trial trial, const std::string& reason) {
  CloseAudit(state, trial.id);
  trial.pay = TakeCreditBack(state, trial);
  const bool counted = trial.state == TrialState::kAccepted &&
                       trial.basis != TrialBasis::kUnverified;
  trial.state = TrialState::kRejected;
  trial.reason = reason;
  trial.basis = TrialBasis::kNone;
  trial.is_matured = false;
  trial.finders_bonus = 0;
  state.Put(trial);
  ReopenIfCompleted(state, trial.subspace);
  Account account = *state.Find(trial.account);
  account.trials_accepted -= counted ? 1 : 0;
  ++account.trials_rejected;
  state.Put(account);
  RejectWhatGrewFrom(state, trial);
}

// What of the account has not matured, in every open task.
std::vector<TrialId> ImmatureOf(const PoolState& state, AccountId account) {
  std::vector<TrialId> trials;
  for (const auto& [id, task] : state.tasks()) {
    const auto& immature = state.IndexOf(id).immature;
    const auto found = immature.find(account);
    if (found == immature.end()) continue;
    for (const auto& [commit_time, trial] : found->second) {
      trials.push_back(trial);
    }
  }
  return trials;
}

void VoidCredit(PoolState& state, const Trial& refuted, absl::Time now) {
  for (const TrialId id : ImmatureOf(state, refuted.account)) {
    const Trial& trial = *state.Find(id);
    if (trial.state == TrialState::kRejected)
      continue;  // with what it grew from
    Reject(state, trial, "CREDIT_VOID");
  }
  const Lease* lease = state.Find(refuted.lease);
  if (lease != nullptr) {
    EndLease(state, *lease, LeaseState::kRevoked, false, now);
  }
}

// What was taken at its word is looked at after all.
void AskImmature(PoolState& state, const PoolPolicy& policy, AccountId account,
                 absl::Time now) {
  for (const TrialId id : ImmatureOf(state, account)) {
    const Trial& trial = *state.Find(id);
    if (trial.basis == TrialBasis::kSampledOut && !state.AuditOf(id).IsSet()) {
      AskSegment(state, policy, trial, /*measures_all=*/false, now);
    }
  }
}

bool IsClean(const PoolState& state, TrialId id) {
  return state.Find(id)->state == TrialState::kAccepted &&
         !state.AuditOf(id).IsSet();
}

// The account's oldest block in the task, where its draws are clean and another
// whole block follows: so the last one is never shorter.
void MatureBlocks(PoolState& state, const PoolPolicy& policy, TaskId task,
                  AccountId account) {
  for (;;) {
    const auto& all = state.IndexOf(task).immature;
    const auto found = all.find(account);
    if (found == all.end() ||
        std::ssize(found->second) < 2 * policy.credit_block) {
      return;
    }
    std::vector<TrialId> block;
    for (const auto& [commit_time, id] : found->second) {
      if (std::ssize(block) == policy.credit_block) break;
      if (!IsClean(state, id)) return;
      block.push_back(id);
    }
    for (const TrialId id : block) Credit(state, policy, id);
  }
}

// A block that never became a whole one.
bool IsShort(const PoolPolicy& policy, const Immature& block) {
  return std::ssize(block) < policy.credit_block;
}

void AskWhole(PoolState& state, const PoolPolicy& policy, const Trial& trial,
              absl::Time now) {
  Audit audit{.id = state.NextAuditId(),
              .trial = trial.id,
              .task = trial.task,
              .kind = AuditKind::kWhole,
              .measures_all = true};
  AwaitVerifiers(state, policy, audit, now);
  state.Put(audit);
}

// The result, with all that it grew from, as far as it was not replayed in
// full.
std::vector<Trial> UnprovenBelow(const PoolState& state,
                                 const Trial& finalist) {
  std::vector<Trial> unproven;
  for (const Trial* trial = &finalist;
       trial != nullptr && !trial->known_from.IsSet();
       trial = state.Find(trial->resumes)) {
    if (trial->basis != TrialBasis::kReplayed) unproven.push_back(*trial);
  }
  return unproven;
}

}  // namespace

void CloseAudit(PoolState& state, TrialId trial) {
  const AuditId id = state.AuditOf(trial);
  if (!id.IsSet()) return;
  Audit audit = *state.Find(id);
  audit.state = AuditState::kDone;
  audit.expire_time = absl::InfiniteFuture();
  state.Put(audit);
}

void AskSegment(PoolState& state, const PoolPolicy& policy, const Trial& trial,
                bool measures_all, absl::Time now) {
  const Task& task = *state.Find(trial.task);
  const AuditDraw draw = DrawOf(task, trial);
  const bool has_weights = trial.state == TrialState::kAccepted &&
                           WantsWeights(task.spec->recipe, trial);
  Audit audit{.id = state.NextAuditId(),
              .trial = trial.id,
              .task = trial.task,
              .state = AuditState::kAsked,
              .segment = draw.segment,
              .measures_all = measures_all,
              .missing = kPartOpening};
  if (!has_weights) audit.missing |= kPartWeights;
  if (draw.segment > 0)
    audit.missing |= kPartBeginWeights | kPartBeginOptimizer;
  audit.expire_time = AnswerDeadline(state, policy, trial, audit.missing, now);
  state.Put(audit);
}

void AskShortBlocks(PoolState& state, const PoolPolicy& policy, TaskId task,
                    absl::Time now) {
  const TaskIndex& index = state.IndexOf(task);
  absl::btree_set<AccountId> at_work;
  for (const LeaseId lease : index.leases) {
    at_work.insert(state.Find(lease)->account);
  }
  std::vector<TrialId> asked;
  for (const auto& [account, block] : index.immature) {
    if (!IsShort(policy, block) || at_work.contains(account)) continue;
    for (const auto& [commit_time, id] : block) {
      if (std::ssize(asked) < policy.settle_trials_max &&
          state.Find(id)->basis == TrialBasis::kSampledOut &&
          !state.AuditOf(id).IsSet()) {
        asked.push_back(id);
      }
    }
  }
  for (const TrialId id : asked) {
    AskSegment(state, policy, *state.Find(id), /*measures_all=*/false, now);
  }
}

bool AskLastSegments(PoolState& state, const PoolPolicy& policy, TaskId task,
                     absl::Time now) {
  const TaskIndex& index = state.IndexOf(task);
  std::vector<std::pair<TrialId, bool>> asked;
  for (const auto& [account, block] : index.immature) {
    for (const auto& [commit_time, id] : block) {
      const Trial& trial = *state.Find(id);
      // Hidden by a result that was refuted since, perhaps.
      const bool is_top = trial.verified_accuracy_ppm == kNotMeasured &&
                          IsResult(trial) &&
                          index.claims.IsTop(trial.claimed_correct, trial.macs);
      const bool is_due =
          IsShort(policy, block) && trial.basis == TrialBasis::kSampledOut;
      if (is_top || is_due) asked.push_back({id, is_top});
    }
  }
  for (const auto& [id, is_top] : asked) {
    AskSegment(state, policy, *state.Find(id), is_top, now);
  }
  return !asked.empty();
}

bool AskUnproven(PoolState& state, const PoolPolicy& policy,
                 const std::vector<Trial>& finalists, absl::Time now) {
  bool asks = false;
  for (const Trial& finalist : finalists) {
    for (const Trial& trial : UnprovenBelow(state, finalist)) {
      AskWhole(state, policy, trial, now);
      asks = true;
    }
  }
  return asks;
}

bool BarUnproven(PoolState& state, const std::vector<Trial>& finalists) {
  bool bars = false;
  for (Trial finalist : finalists) {
    if (UnprovenBelow(state, finalist).empty()) continue;
    finalist.is_barred = true;
    state.Put(finalist);
    bars = true;
  }
  return bars;
}

void Suspend(PoolState& state, AccountId id, absl::Time now) {
  Account account = *state.Find(id);
  account.state = AccountState::kSuspended;
  state.Put(account);
  std::vector<Lease> leases;
  for (const auto& [session, record] : state.sessions()) {
    if (record.account != id) continue;
    for (const LeaseId lease : state.LeasesOf(session)) {
      leases.push_back(*state.Find(lease));
    }
  }
  for (const Lease& lease : leases) {
    EndLease(state, lease, LeaseState::kRevoked, false, now);
  }
}

void AcceptTrial(PoolState& state, const PoolPolicy& policy, Trial trial,
                 TrialBasis basis, absl::Time now) {
  const Task& task = *state.Find(trial.task);
  const DatasetManifest& manifest = ManifestOf(state, task.id);
  CloseAudit(state, trial.id);
  Account account = *state.Find(trial.account);
  if (basis == TrialBasis::kUnverified) {
    // It buys no standing, and what it had bought is gone.
    if (trial.state == TrialState::kAccepted) --account.trials_accepted;
  } else if (trial.state != TrialState::kAccepted) {
    ++account.trials_accepted;
    account.accuracy_ppm.Add(ValidationCorrect(trial) * 1'000'000 /
                             manifest.validation_count);
  }
  if (basis >= TrialBasis::kAudited) {
    account.rejections_in_a_row = 0;
    account.audit_rate_ppm = RateAfterPass(policy, account.audit_rate_ppm);
  }
  state.Put(account);
  trial.state = TrialState::kAccepted;
  trial.basis = std::max(trial.basis, basis);
  state.Put(trial);
  CompleteIfDone(state, trial.subspace);
  MatureBlocks(state, policy, trial.task, trial.account);

  if (task.state != TaskState::kActive) {
    SettleIfDone(state, policy, trial.task, now);
    return;
  }
  AskPromotable(state, policy, trial.task, now);
  if (EndIfNothingLearns(state, policy, trial.task, now)) return;
  const int64_t target = task.spec->budget.target_accuracy_ppm;
  const TaskIndex& index = state.IndexOf(trial.task);
  if (target > 0 && !trial.is_at_chance &&
      trial.verified_accuracy_ppm >= target) {
    BeginFinishing(state, policy, trial.task, EndReason::kTarget, now);
  } else if (TrialsLeft(task, index) <= 0 &&
             index.assigned_count + index.pending_count == 0) {
    BeginFinishing(state, policy, trial.task, EndReason::kBudget, now);
  }
}

void RejectTrial(PoolState& state, const PoolPolicy& policy, Trial trial,
                 const std::string& reason, Fault fault, absl::Time now) {
  Reject(state, trial, reason);
  Account account = *state.Find(trial.account);
  if (fault == Fault::kMiner || fault == Fault::kFraud) {
    ++account.rejections_in_a_row;
  }
  if (fault != Fault::kNone) {
    account.audit_rate_ppm = 1'000'000;
    state.Put(account);
  }
  if (fault == Fault::kFraud) {
    VoidCredit(state, trial, now);
  } else if (fault != Fault::kNone) {
    AskImmature(state, policy, account.id, now);
  }
  if (account.rejections_in_a_row >= policy.rejections_to_suspend &&
      account.state == AccountState::kActive) {
    Suspend(state, account.id, now);
  }
  // A voided trial, or an ended lease, may have been of another task.
  SettleFinishing(state, policy, now);
}

}  // namespace archpool::internal
