// What verifiers have before them, by hardware class, and what they measured.
#include "server/core/rules/audit_cost.h"
#include "server/core/state/answers.h"
#include "server/core/state/pool_state.h"

namespace archpool {
namespace {

// Whether its accuracies were measured: what others must beat to be candidates
// for the front.
bool IsMeasured(const Trial& trial) {
  return IsResult(trial) && trial.verified_accuracy_ppm != kNotMeasured;
}

}  // namespace

void PoolState::IndexClaim(const Trial* before, const Trial& trial) {
  const bool measured = before != nullptr && IsMeasured(*before);
  if (measured == IsMeasured(trial)) return;
  TaskIndex& index = indexes_[trial.task];
  if (!measured) {
    return index.claims.Insert(ValidationCorrect(trial), trial.macs);
  }
  if (!index.claims.Contains(ValidationCorrect(*before), trial.macs)) return;
  // What it hid shows again.
  index.claims.Clear();
  for (const TrialId id : index.trials) {
    const Trial& other = *Find(id);
    if (id != trial.id && IsMeasured(other)) {
      index.claims.Insert(ValidationCorrect(other), other.macs);
    }
  }
}

void PoolState::IndexWaiting(const Audit& audit, const Trial& trial) {
  if (audit.state == AuditState::kWaiting) {
    waiting_[trial.hardware_class][trial.account].insert(audit.id);
    return;
  }
  const auto miners = waiting_.find(trial.hardware_class);
  if (miners == waiting_.end()) return;
  const auto audits = miners->second.find(trial.account);
  if (audits == miners->second.end()) return;
  audits->second.erase(audit.id);
  if (audits->second.empty()) miners->second.erase(audits);
  if (miners->second.empty()) waiting_.erase(miners);
}

void PoolState::CountBacklog(const Audit* before, const Audit& audit,
                             const Trial& trial) {
  const TaskSpec& spec = *Find(audit.task)->spec;
  const DatasetManifest& manifest = FindDataset(spec.dataset)->manifest;
  const auto cost_of = [&](const Audit* one) {
    return one == nullptr || one->state == AuditState::kDone
               ? 0
               : CostOf(spec, manifest, trial, one->kind).total();
  };
  WorkUnits& backlog = audit_backlog_[trial.hardware_class];
  backlog += cost_of(&audit) - cost_of(before);
  if (backlog == 0) audit_backlog_.erase(trial.hardware_class);
  AskedLoad& asked = asked_loads_[trial.session];
  const auto count = [&](const Audit* one, int64_t sign) {
    if (one == nullptr || one->state != AuditState::kAsked) return;
    asked.answers += sign;
    asked.bytes += sign * AnswerSizeBytes(trial, one->missing);
  };
  count(&audit, 1);
  count(before, -1);
  if (asked.answers == 0) asked_loads_.erase(trial.session);
}

}  // namespace archpool
