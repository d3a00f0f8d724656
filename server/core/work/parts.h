// SPDX-License-Identifier: Apache-2.0
// What the work room's files share.
#ifndef ARCHPOOL_SERVER_CORE_WORK_PARTS_H_
#define ARCHPOOL_SERVER_CORE_WORK_PARTS_H_

#include <vector>

#include "server/core/commands/commands.h"
#include "server/core/search/search.h"
#include "server/core/state/step.h"

namespace archpool::work {

// Ends an active lease: uncommitted trials are abandoned, its subspace opens
// where no other lease is on it. `counts` says whether what it leaves behind
// counts in the account's standing.
void EndLease(Step& step, const Lease& active, LeaseState end, bool counts);

// However often its worker is heard, it ends by then.
absl::Time LastMoment(const PoolState& state, const PoolPolicy& policy,
                      const Lease& lease);

// Ends the lease where nothing of its list is left to commit.
void CompleteIfIdle(Step& step, const Lease& lease);

// `committed` came in under `lease`: others that train that network under the
// same primary's name may stop.
void Supersede(Step& step, Lease lease, const Trial& committed);

LeaseId Grant(Step& step, const Task& task, const Session& session,
              search::LeaseStart start);
void AddTrials(Step& step, Lease& lease, std::vector<Trial> trials);
// Appends to a running list what its worker will need next.
std::vector<Assignment> Grow(Step& step, LeaseId id);
// The rest of another account's list that wants a backup, backwards.
LeaseId GrantBackup(Step& step, const Session& session, Amount price_min);

// Leaves of what would be added to the worker's lease (unset: to a new one) as
// much as it is expected to finish, after all that it has before that, until
// the task's time is over.
void CutToTime(const Step& step, const Task& task, const Session& session,
               LeaseId lease, std::vector<Trial>& trials);

}  // namespace archpool::work

#endif  // ARCHPOOL_SERVER_CORE_WORK_PARTS_H_
