// Audits by which the pool tries its verifiers: one whose answer is known,
// since it asks for a training that leads where none can, and one that a second
// verifier looks at whatever the first found. Whoever says "true" unseen cannot
// tell either from the others. Drawn by keyed hashes, as audits are. Pure.
#ifndef ARCHPOOL_SERVER_CORE_AUDIT_PLANT_H_
#define ARCHPOOL_SERVER_CORE_AUDIT_PLANT_H_

#include "server/core/audit_commands.h"
#include "server/core/entities.h"
#include "server/core/policy.h"

namespace archpool {

// Whether this attempt at the audit is a trial of its verifier
// (PoolPolicy::planted_ppm). What it finds says nothing of the miner's. Never
// where somebody found something already.
bool IsPlanted(const PoolPolicy& policy, const Task& task, const Audit& audit);

// Has the grant of such an attempt ask for another training's end, in all that
// the verifier is shown.
void Plant(const Task& task, AuditGrant& grant);

// Whether another verifier is to look too where the first finds it true
// (PoolPolicy::second_look_ppm).
bool IsSeenTwice(const PoolPolicy& policy, const Task& task,
                 const Audit& audit);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_AUDIT_PLANT_H_
