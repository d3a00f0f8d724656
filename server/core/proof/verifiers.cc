// SPDX-License-Identifier: Apache-2.0
// How audits end that no verifier decides, and what operators ask.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "server/core/proof/parts.h"
#include "server/core/proof/proof.h"
#include "server/core/rules/audit_cost.h"
#include "server/core/state/operator_acts.h"
#include "server/core/state/own_miners.h"
#include "server/core/state/presence.h"
#include "server/core/state/queries.h"

namespace archpool::proof {
namespace {

// Whether the trial is paid: a part of an account's undecided trials in a row
// is, counted over every run of a block's length that the trial lies in.
bool IsUnderCap(const PoolState& state, const PoolPolicy& policy,
                const Trial& trial) {
  const auto& all = state.IndexOf(trial.task).tally.immature;
  const auto block = all.find(trial.account);
  if (block == all.end()) return false;
  int64_t unverified = 0;
  const auto here = block->second.find({CommitTimeOf(trial), trial.id});
  const auto count = [&](TrialId id) {
    const bool is_one = BasisOf(*state.Find(id)) == TrialBasis::kUnverified;
    unverified += is_one ? 1 : 0;
  };
  const auto first = FirstNotVoid(state, trial.account, block->second);
  auto next = here;
  for (int64_t i = 1; i < policy.credit_block; ++i) {
    if (next == first) break;
    count((--next)->second);
  }
  next = here;
  for (int64_t i = 1; i < policy.credit_block; ++i) {
    if (next == block->second.end() || ++next == block->second.end()) break;
    count(next->second);
  }
  return unverified < policy.unverified_per_block_max;
}

// Its audits have passed until hardly any are drawn, for clients outside of its
// group alone (AcceptTrial).
bool IsAtAuditFloor(const PoolPolicy& policy, const Account& account) {
  return account.audit_rate_ppm < 1'000'000 &&
         account.audit_rate_ppm <= policy.audit_floor_ppm &&
         account.rejections_in_a_row == 0;
}

}  // namespace

void AwaitVerifiers(const PoolState& state, const PoolPolicy& policy,
                    Audit& audit, absl::Time now) {
  const TaskSpec& spec = *state.Find(audit.task)->spec;
  const DatasetManifest& manifest = ManifestOf(state, audit.task);
  audit.state = AuditState::kWaiting;
  audit.expire_time.reset();
  audit.wait_time = now;
  audit.decide_time =
      now + policy.audit_wait_term +
      ExaminationTime(
          policy, CostOf(spec, manifest, *state.Find(audit.trial), audit.kind));
}

void EndInconclusive(Step& step, Trial trial) {
  if (trial.state != TrialState::kAccepted) {
    return AcceptTrial(step, std::move(trial), TrialBasis::kUnverified);
  }
  EndAudit(step, trial.id);
  VerdictIn(trial).is_barred = true;
  step.state.Put(trial);
}

void CloseUnverified(Step& step, const Audit& audit) {
  // A queue is the pool's, and no reason to leave honest work unpaid.
  if (const auto until = DeskOf(step).PutOff(audit, step.now)) {
    Audit later = audit;
    later.decide_time = *until;
    step.state.Put(later);
    return;
  }
  Trial trial = *step.state.Find(audit.trial);
  if (audit.kind == AuditKind::kEvaluation) {
    return EndInconclusive(step, std::move(trial));
  }
  if (IsCleared(audit)) {
    // The second look that it was drawn for never came.
    AcceptSeen(step, std::move(trial), IsClearedWhole(audit));
    return;
  }
  if (trial.state == TrialState::kAccepted &&
      BasisOf(trial) >= TrialBasis::kAudited) {
    // Seen and paid; but what was not replayed whole does not win.
    EndAudit(step, trial.id);
    VerdictIn(trial).is_barred = true;
    step.state.Put(trial);
    return;
  }
  const bool speaks_against = IsBlamed(audit) || IsTheTrials(audit);
  if (!speaks_against && CountAlarms(audit, /*is_whole=*/true) > 0) {
    EndAlarmed(step, audit);
    return;
  }
  // What has matured is settled: its miner was to answer for it no more.
  // Nobody gains by what the operator's own miner is believed.
  const bool is_owed =
      IsMatured(trial) ||
      (!audit.away_until &&
       IsTrusted(step.state, step.policy, trial.account)) ||
      (step.policy.pays_unverified && !audit.away_until &&
       IsAtAuditFloor(step.policy, *step.state.Find(trial.account)) &&
       IsUnderCap(step.state, step.policy, trial));
  if (is_owed && !speaks_against) {
    AcceptTrial(step, std::move(trial), TrialBasis::kUnverified);
  } else {
    RejectTrial(step, std::move(trial), "UNVERIFIED", Fault::kNone);
  }
}

absl::StatusOr<VoidTrial::Reply> Execute(Step& step, const VoidTrial& command) {
  const Trial* trial = step.state.Find(command.trial);
  if (trial == nullptr || trial->known_from.IsSet()) {
    return NotFound(
        "TRIAL_UNKNOWN",
        absl::StrCat(command.trial.ToString(),
                     " is no trial of an open task; what was paid when a task "
                     "ended stays"));
  }
  if (trial->state == TrialState::kRejected || IsVoid(step.state, *trial)) {
    return VoidTrial::Reply();
  }
  if (!IsPending(trial->state) && trial->state != TrialState::kAccepted) {
    return FailedPrecondition(
        "TRIAL_NOT_COMMITTED",
        absl::StrCat(command.trial.ToString(), " is ", ToString(trial->state),
                     "; only what was committed can be voided"));
  }
  NoteAct(step, command.by, "void_trial", trial->id.ToString(), "");
  RejectTrial(step, *trial, "VOIDED_BY_OPERATOR", Fault::kNone);
  return VoidTrial::Reply();
}

absl::StatusOr<ReviewVerifiers::Reply> Execute(Step& step,
                                               const ReviewVerifiers&) {
  return DeskOf(step).Review(step.now);
}

namespace {

// By how much the weights of a trial without an audit were put off, and a
// little more: the time that it had at first is counted too.
absl::Duration PutOff(const Trial& trial) {
  return trial.upload_deadline ? *trial.upload_deadline - CommitTimeOf(trial)
                               : absl::ZeroDuration();
}

// Whether the pool refused what was asked for all the while. Without an audit
// its deadline tells, but for the time in which the pool itself was away.
bool WereRefused(const Step& step, const Trial& trial, const Audit* audit) {
  const absl::Duration most = step.policy.refused_time_max;
  if (audit != nullptr) return audit->refused_time >= most;
  return PutOff(trial) - step.state.Find(trial.task)->time_away > most;
}

// What was asked of a trial never came.
void CloseUnanswered(Step& step, const Trial& trial) {
  const Audit* audit = step.state.Find(step.state.audits().Of(trial.id));
  if (WereRefused(step, trial, audit)) {
    // An account whose files were always refused cannot be told from one that
    // had none.
    RejectTrial(step, trial, "FILES_REFUSED", Fault::kNone);
  } else if (IsAway(step, trial.account) &&
             (audit == nullptr || !audit->away_until ||
              step.now < *audit->away_until)) {
    CloseAway(step, trial);
  } else if (audit != nullptr) {
    // An account that could choose which audits to answer would choose.
    RejectTrial(step, trial, "AUDIT_UNANSWERED", Fault::kFraud);
  } else {
    // The pool may have been away before the trial was there, and have refused
    // its weights afterwards; so may a very long training put them off as far.
    const bool may_be_refused = PutOff(trial) > step.policy.refused_time_max;
    RejectTrial(step, trial, "WEIGHTS_MISSING",
                may_be_refused ? Fault::kNone : Fault::kMiner);
  }
}

}  // namespace

void CloseUpload(Step& step, Trial trial) {
  if (IsVoid(step.state, trial)) return VoidOne(step, trial);
  const Audit* audit = step.state.Find(step.state.audits().Of(trial.id));
  if (audit == nullptr ||
      (audit->expire_time && *audit->expire_time <= step.now)) {
    return CloseUnanswered(step, trial);
  }
  // The weights are a part of the answer, which may have been given more time.
  trial.upload_deadline = audit->expire_time;
  step.state.Put(trial);
}

void CloseAudit(Step& step, const Audit& audit) {
  const Trial& trial = *step.state.Find(audit.trial);
  if (IsVoid(step.state, trial)) return VoidOne(step, trial);
  if (audit.state == AuditState::kAsked) {
    CloseUnanswered(step, *step.state.Find(audit.trial));
  } else if (audit.state == AuditState::kWaiting) {
    CloseUnverified(step, audit);
  } else {
    // Held against the verifier, which is gone, and not against the trial.
    step.memory.verifiers.NoteFailure(step.policy, HolderOf(audit),
                                      step.state.Find(audit.trial)->account,
                                      step.now);
    ReturnAudit(step, audit);
  }
}

}  // namespace archpool::proof
