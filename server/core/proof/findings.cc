// SPDX-License-Identifier: Apache-2.0
// What verifiers' findings add up to: nobody is blamed on one verifier's word,
// and a verifier that cannot tell says nothing about the trial.
#include <algorithm>
#include <utility>

#include "server/core/proof/audit_plant.h"
#include "server/core/proof/parts.h"

namespace archpool::proof {

AuditLook& NoteLook(Audit& audit, LookKind kind, const std::string& reason,
                    absl::Time now) {
  const VerifierKey holder = HolderOf(audit);
  const bool is_whole = audit.kind == AuditKind::kWhole;
  const bool is_vote = kind != LookKind::kInconclusive;
  const bool is_alarm = !is_vote && reason == kEvaluationsDiffer;
  auto look = std::find_if(
      audit.looks.begin(), audit.looks.end(), [&](const AuditLook& one) {
        return KeyOf(one) == holder && IsVote(one) == is_vote &&
               (is_vote ||
                (one.is_whole == is_whole && IsAlarm(one) == is_alarm));
      });
  if (look == audit.looks.end()) {
    audit.looks.push_back({.verifier = holder.account,
                           .verifier_name = holder.name,
                           .kind = kind,
                           .count = 0,
                           .first_time = now});
    look = std::prev(audit.looks.end());
  }
  look->count = look->kind == kind ? look->count + 1 : 1;
  look->kind = kind;
  look->is_whole = is_whole;
  look->reason = reason;
  look->time = now;
  return *look;
}

namespace {

// When the verifier first failed at this audit, at a segment or at the whole.
absl::Time FirstFailureOf(const Audit& audit, const VerifierKey& verifier) {
  absl::Time first = absl::InfiniteFuture();
  for (const AuditLook& look : audit.looks) {
    if (IsVote(look) || IsAlarm(look) || KeyOf(look) != verifier) continue;
    first = std::min(first, look.first_time);
  }
  return first;
}

void NoteVotes(Step& step, const Audit& audit, LookKind right) {
  if (CountOf(audit, LookKind::kBlames) == 0 ||
      CountOf(audit, LookKind::kClears) == 0) {
    return;  // no disagreement
  }
  for (const AuditLook& look : audit.looks) {
    if (!IsVote(look)) continue;
    step.state.Put(
        step.memory.verifiers.NoteVote(KeyOf(look), look.kind == right));
  }
}

// The verifiers cannot agree, or cannot tell.
ReportAudit::Reply GiveUp(Step& step, const Audit& audit, Fault fault) {
  const Trial& trial = *step.state.Find(audit.trial);
  if (IsCleared(audit)) return AcceptSeen(step, trial, IsClearedWhole(audit));
  if (fault == Fault::kNone && trial.state == TrialState::kAccepted) {
    CloseUnverified(step, audit);
    return {TrialState::kAccepted, ""};
  }
  RejectTrial(step, trial, "UNVERIFIABLE", fault);
  return {TrialState::kRejected, "UNVERIFIABLE"};
}

}  // namespace

ReportAudit::Reply Blame(Step& step, Audit audit, Trial trial,
                         const std::string& reason) {
  const bool is_first = !IsBlamed(audit);
  NoteLook(audit, LookKind::kBlames, reason, step.now);
  switch (DeskOf(step).CountVotes(audit, LookKind::kBlames, step.now)) {
    case VerifierDesk::Vote::kFalse:
      NoteVotes(step, audit, LookKind::kBlames);
      RejectTrial(step, std::move(trial), reason, Fault::kFraud);
      return {TrialState::kRejected, reason};
    case VerifierDesk::Vote::kDoubt:
      return GiveUp(step, audit, Fault::kNone);
    case VerifierDesk::Vote::kTrue:
    case VerifierDesk::Vote::kOpen:
      break;
  }
  Trial kept = *step.state.Find(trial.id);
  kept.audit_time = trial.audit_time;
  if (kept != *step.state.Find(trial.id)) step.state.Put(kept);
  if (is_first) DeskOf(step).WaitForAnother(audit, step.now);
  ReturnAudit(step, std::move(audit));
  return {kept.state, ""};
}

std::optional<ReportAudit::Reply> Clear(Step& step, const Audit& found,
                                        const Trial& trial) {
  step.memory.verifiers.NoteCleared(HolderOf(found), step.now);
  const bool is_blamed = IsBlamed(found);
  const bool is_first = CountOf(found, LookKind::kClears) == 0;
  if (!is_blamed &&
      !(is_first &&
        IsSeenTwice(step.policy, *step.state.Find(found.task), found))) {
    return std::nullopt;
  }
  Audit audit = found;
  NoteLook(audit, LookKind::kClears, "", step.now);
  if (is_blamed &&
      DeskOf(step).CountVotes(audit, LookKind::kClears, step.now) ==
          VerifierDesk::Vote::kTrue) {
    NoteVotes(step, audit, LookKind::kClears);
    return std::nullopt;
  }
  if (!is_blamed) {
    if (!DeskOf(step).HasFreshVerifier(audit, VerifierDesk::Fresh::kAccount,
                                       step.now)) {
      return std::nullopt;
    }
    DeskOf(step).WaitForAnother(audit, step.now);
  }
  Trial kept = *step.state.Find(trial.id);
  if (!is_blamed) kept = trial;
  kept.audit_time = trial.audit_time;
  if (kept != *step.state.Find(trial.id)) step.state.Put(kept);
  ReturnAudit(step, std::move(audit));
  return ReportAudit::Reply{kept.state, ""};
}

ReportAudit::Reply Fail(Step& step, Audit audit, const std::string& reason) {
  const Trial& trial = *step.state.Find(audit.trial);
  step.memory.verifiers.NoteFailure(step.policy, HolderOf(audit), trial.account,
                                    step.now);
  AuditLook& noted = NoteLook(audit, LookKind::kInconclusive, reason, step.now);
  noted.has_failed_again |= step.memory.verifiers.HasFoundSince(
      HolderOf(audit), trial.account, FirstFailureOf(audit, HolderOf(audit)));
  const AuditLook look = noted;
  int64_t failed = 0;
  absl::Time first_time = step.now;
  for (const AuditLook& one : audit.looks) {
    if (IsVote(one) || IsAlarm(one)) continue;
    first_time = std::min(first_time, one.first_time);
    failed += one.is_whole == look.is_whole ? 1 : 0;
  }
  const bool was_tried =
      failed >= 2 || (look.count >= step.policy.inconclusive_max &&
                      !DeskOf(step).HasFreshVerifier(
                          audit, VerifierDesk::Fresh::kName, step.now));
  if (was_tried && audit.kind == AuditKind::kSegment) {
    // Bytes of the miner's may be what breaks the verifiers. Its training can
    // be done again without them, from the key.
    DeskOf(step).MakeWhole(audit, step.now);
  } else if (was_tried &&
             step.now - first_time >= step.policy.unverifiable_term &&
             look.has_failed_again) {
    // A miner that can make verifiers fail would do so where it is drawn, and
    // be paid where it is not. So it is the trial's if a verifier fails at it,
    // comes to findings about others, and fails at it again. One that failed
    // and is well since was sick, and so are those that fail on everything:
    // that audit waits for better ones until its time is over.
    return GiveUp(step, audit, Fault::kDoubt);
  }
  const TrialState state = trial.state;
  ReturnAudit(step, std::move(audit));
  return {state, ""};
}

void ReturnAudit(Step& step, Audit audit) {
  audit.state = AuditState::kWaiting;
  audit.expire_time.reset();
  step.state.Put(audit);
}

}  // namespace archpool::proof
