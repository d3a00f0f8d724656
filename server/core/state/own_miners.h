// SPDX-License-Identifier: Apache-2.0
// How miners are audited where they are the operator's own and nothing is paid
// (PoolPolicy::own_miners_ppm): nobody is there who would gain by a lie, and
// audits look for a machine that computes wrongly. They take a fixed part of
// the work that is trained, short searches included; and of a miner one of
// whose trials was rejected, for whatever reason, as much as of a stranger. For
// server/core's own files. Reads alone.
#ifndef ARCHPOOL_SERVER_CORE_STATE_OWN_MINERS_H_
#define ARCHPOOL_SERVER_CORE_STATE_OWN_MINERS_H_

#include "common/model/ids.h"
#include "server/core/records/entities.h"
#include "server/core/rules/policy.h"
#include "server/core/state/pool_state.h"

namespace archpool {

// Whether the account's results are believed, but for what OwnCheckOf says. Its
// credit does not mature before its task ends, so that its workers keep what
// may be asked for then. Never of an account that came by an invitation.
bool IsTrusted(const PoolState& state, const PoolPolicy& policy,
               AccountId account);

// kSegment: a segment is replayed, and the claim tested. kInFull: and its
// accuracies are measured on whole splits.
enum class OwnCheck { kNone, kSegment, kInFull };

// What is examined of a trusted account's trial as it is committed, before it
// is put down. `is_top`: its claim beats all that was measured. At most a
// quarter of what audits may take goes to others than these, at most half goes
// before the task ends, and what one network of the front takes is kept back.
// The first may be set against what the task's budget says will be trained: a
// machine that computes wrongly is best found at the start.
OwnCheck OwnCheckOf(const PoolState& state, const PoolPolicy& policy,
                    const Trial& trial, bool is_top);

// Whether `units` more may be spent on examining the task's trials, where
// `asked` are under way that no record tells of yet.
bool MayExamine(const PoolState& state, const PoolPolicy& policy, TaskId task,
                WorkUnits asked, WorkUnits units);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_STATE_OWN_MINERS_H_
