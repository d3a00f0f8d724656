// SPDX-License-Identifier: Apache-2.0
// What verifiers say of the pool itself: that its own two evaluations of a
// network differ, of which one must be wrong. It is decided against nobody, and
// it ends.
#include <utility>

#include "server/core/proof/parts.h"

namespace archpool::proof {
namespace {

// Whether the alarm is not one verifier's alone, or nobody else is there and it
// raises it again and again.
bool IsConfirmed(const Step& step, const Audit& audit, const AuditLook& latest,
                 int64_t alarms) {
  return alarms >= 2 || (latest.count >= step.policy.inconclusive_max &&
                         !DeskOf(step).HasFreshVerifier(
                             audit, VerifierDesk::Fresh::kName, step.now));
}

}  // namespace

ReportAudit::Reply RaiseAlarm(Step& step, Audit audit) {
  const TrialId id = audit.trial;
  step.memory.verifiers.NoteAlarm(HolderOf(audit), id);
  const AuditLook latest =
      NoteLook(audit, LookKind::kInconclusive, kEvaluationsDiffer, step.now);
  const int64_t alarms = CountAlarms(audit, latest.is_whole);
  if (!IsConfirmed(step, audit, latest, alarms) ||
      CountOf(audit, LookKind::kBlames) >= alarms) {
    ReturnAudit(step, std::move(audit));
  } else if (audit.kind == AuditKind::kSegment) {
    // Weights that a miner made up may lie where no two implementations agree.
    // Those that the training itself leads to are not of its making.
    DeskOf(step).MakeWhole(audit, step.now);
    ReturnAudit(step, std::move(audit));
  } else {
    EndAlarmed(step, audit);
  }
  return {step.state.Find(id)->state, ""};
}

void NoteFoundDespiteAlarm(Step& step, const Audit& audit,
                           const VerifierKey& finder) {
  for (const AuditLook& look : audit.looks) {
    if (!IsAlarm(look) || KeyOf(look) == finder) continue;
    step.memory.verifiers.NoteAlarmAlone(KeyOf(look));
  }
}

void EndAlarmed(Step& step, const Audit& audit) {
  Trial trial = *step.state.Find(audit.trial);
  if (IsCleared(audit)) {
    // Another found it true, by two evaluations that agree.
    AcceptSeen(step, std::move(trial), IsClearedWhole(audit));
  } else if (audit.kind == AuditKind::kEvaluation ||
             BasisOf(trial) >= TrialBasis::kAudited) {
    EndInconclusive(step, std::move(trial));
  } else {
    AcceptTrial(step, std::move(trial), TrialBasis::kUnverified);
  }
}

}  // namespace archpool::proof
