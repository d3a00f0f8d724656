// SPDX-License-Identifier: Apache-2.0
// Adds the time in which the pool was away to all that was to be done by then.
// That may be a hundred thousand records, so it is done in steps; the pool's
// clock says how far it has come, and a load continues there. Until the last
// one nothing expires, and no command but a tick is executed: it would see some
// deadlines that are moved and others that are not. For the pool's own files.
#ifndef ARCHPOOL_SERVER_CORE_TIME_AWAY_H_
#define ARCHPOOL_SERVER_CORE_TIME_AWAY_H_

#include "absl/time/time.h"
#include "server/core/records/entities.h"
#include "server/core/state/step.h"

namespace archpool {

// The pool was away from `begin` until now; takes the first step. The caller
// puts the clock.
void BeginToAdd(Step& step, absl::Time begin, PoolClock& clock);

// The next step. The caller puts the clock. REQUIRES: clock.IsAdding().
void AddToSome(Step& step, PoolClock& clock);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_TIME_AWAY_H_
