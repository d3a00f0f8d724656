// SPDX-License-Identifier: Apache-2.0
// Audits by which the pool tries its verifiers: one whose answer is known,
// since it asks for a training that leads where none can, and one that a second
// verifier looks at whatever the first found. A verifier that says "true"
// unseen cannot tell either from the others. Drawn by keyed hashes, as audits
// are. Pure.
#ifndef ARCHPOOL_SERVER_CORE_PROOF_AUDIT_PLANT_H_
#define ARCHPOOL_SERVER_CORE_PROOF_AUDIT_PLANT_H_

#include "server/core/commands/audit_commands.h"
#include "server/core/records/entities.h"
#include "server/core/rules/policy.h"

namespace archpool {

// Whether the audit, as it is handed out, is to try its verifier
// (PoolPolicy::planted_ppm). The same until that is answered, whichever
// verifier has it meanwhile: else two attempts would show which is which. Never
// where somebody found its trial true or false.
bool DrawPlanted(const PoolPolicy& policy, const Task& task,
                 const Audit& audit);

// Has the grant of such an audit ask for another training's end, in all that
// the verifier is shown.
void Plant(const Task& task, AuditGrant& grant);

// Whether another verifier is to look too where the first finds it true
// (PoolPolicy::second_look_ppm).
bool IsSeenTwice(const PoolPolicy& policy, const Task& task,
                 const Audit& audit);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_PROOF_AUDIT_PLANT_H_
