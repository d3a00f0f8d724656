// What verifiers' findings add up to: nobody is blamed on one verifier's word,
// and whoever cannot tell says nothing about the trial.
#include <algorithm>
#include <utility>

#include "server/core/pool.h"
#include "server/core/pool_internal.h"
#include "server/core/proof/audit_plant.h"

namespace archpool {
namespace {

// The holder's, of that kind; a vote replaces its earlier one.
AuditLook& NoteLook(Audit& audit, LookKind kind, const std::string& reason,
                    absl::Time now) {
  const VerifierKey holder = HolderOf(audit);
  const bool is_whole = audit.kind == AuditKind::kWhole;
  const bool is_vote = kind != LookKind::kInconclusive;
  auto look = std::find_if(
      audit.looks.begin(), audit.looks.end(), [&](const AuditLook& one) {
        return KeyOf(one) == holder && IsVote(one) == is_vote &&
               (is_vote || one.is_whole == is_whole);
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

}  // namespace

void Pool::ReturnAudit(Audit audit) {
  audit.state = AuditState::kWaiting;
  audit.expire_time = absl::InfiniteFuture();
  state_.Put(audit);
}

void Pool::NoteVotes(const Audit& audit, LookKind right) {
  if (CountOf(audit, LookKind::kBlames) == 0 ||
      CountOf(audit, LookKind::kClears) == 0) {
    return;  // no disagreement
  }
  for (const AuditLook& look : audit.looks) {
    if (!IsVote(look)) continue;
    state_.Put(verifiers_.NoteVote(KeyOf(look), look.kind == right));
  }
}

ReportAudit::Reply Pool::Blame(Audit audit, Trial trial,
                               const std::string& reason, absl::Time now) {
  const bool is_first = !IsBlamed(audit);
  NoteLook(audit, LookKind::kBlames, reason, now);
  switch (Desk().CountVotes(audit, LookKind::kBlames, now)) {
    case VerifierDesk::Vote::kFalse:
      NoteVotes(audit, LookKind::kBlames);
      internal::RejectTrial(state_, policy_, std::move(trial), reason,
                            internal::Fault::kFraud, now);
      return {TrialState::kRejected, reason};
    case VerifierDesk::Vote::kDoubt:
      return GiveUp(audit, internal::Fault::kNone, now);
    case VerifierDesk::Vote::kTrue:
    case VerifierDesk::Vote::kOpen:
      break;
  }
  Trial kept = *state_.Find(trial.id);
  kept.audit_time = trial.audit_time;
  if (kept != *state_.Find(trial.id)) state_.Put(kept);
  if (is_first) Desk().WaitForAnother(audit, now);
  ReturnAudit(std::move(audit));
  return {kept.state, ""};
}

std::optional<ReportAudit::Reply> Pool::Clear(const Audit& found,
                                              const Trial& trial,
                                              absl::Time now) {
  verifiers_.NoteCleared(HolderOf(found), now);
  const bool is_blamed = IsBlamed(found);
  const bool is_first = CountOf(found, LookKind::kClears) == 0;
  if (!is_blamed &&
      !(is_first && IsSeenTwice(policy_, *state_.Find(found.task), found))) {
    return std::nullopt;
  }
  Audit audit = found;
  NoteLook(audit, LookKind::kClears, "", now);
  if (is_blamed && Desk().CountVotes(audit, LookKind::kClears, now) ==
                       VerifierDesk::Vote::kTrue) {
    NoteVotes(audit, LookKind::kClears);
    return std::nullopt;
  }
  if (!is_blamed) {
    if (!Desk().HasFreshVerifier(audit, VerifierDesk::Fresh::kAccount, now)) {
      return std::nullopt;
    }
    Desk().WaitForAnother(audit, now);
  }
  Trial kept = *state_.Find(trial.id);
  if (!is_blamed) kept = trial;
  kept.audit_time = trial.audit_time;
  if (kept != *state_.Find(trial.id)) state_.Put(kept);
  ReturnAudit(std::move(audit));
  return ReportAudit::Reply{kept.state, ""};
}

ReportAudit::Reply Pool::GiveUp(const Audit& audit, internal::Fault fault,
                                absl::Time now) {
  const Trial& trial = *state_.Find(audit.trial);
  if (IsCleared(audit)) return AcceptSeen(trial, IsClearedWhole(audit), now);
  if (fault == internal::Fault::kNone && trial.state == TrialState::kAccepted) {
    CloseUnverified(audit, now);
    return {TrialState::kAccepted, ""};
  }
  internal::RejectTrial(state_, policy_, trial, "UNVERIFIABLE", fault, now);
  return {TrialState::kRejected, "UNVERIFIABLE"};
}

ReportAudit::Reply Pool::Fail(Audit audit, const std::string& reason,
                              absl::Time now) {
  const Trial& trial = *state_.Find(audit.trial);
  verifiers_.NoteFailure(policy_, HolderOf(audit), trial.account, now);
  const AuditLook look = NoteLook(audit, LookKind::kInconclusive, reason, now);
  int64_t failed = 0;
  absl::Time first_time = now;
  for (const AuditLook& one : audit.looks) {
    if (one.kind != LookKind::kInconclusive) continue;
    first_time = std::min(first_time, one.first_time);
    failed += one.is_whole == look.is_whole ? 1 : 0;
  }
  const bool was_tried =
      failed >= 2 ||
      (look.count >= policy_.inconclusive_max &&
       !Desk().HasFreshVerifier(audit, VerifierDesk::Fresh::kName, now));
  if (was_tried && audit.kind == AuditKind::kSegment) {
    // Bytes of the miner's may be what breaks the verifiers. Its training can
    // be done again without them, from the key.
    Desk().MakeWhole(audit, now);
  } else if (was_tried && now - first_time >= policy_.unverifiable_term &&
             Desk().IsTheTrials(audit)) {
    // Whoever can make verifiers fail would do so where it is drawn, and be
    // paid where it is not. Verifiers that fail on everything are sick: that
    // audit waits for better ones until its time is over.
    return GiveUp(audit, internal::Fault::kDoubt, now);
  }
  const TrialState state = trial.state;
  ReturnAudit(std::move(audit));
  return {state, ""};
}

}  // namespace archpool
