// SPDX-License-Identifier: Apache-2.0
// What a pool knows of the ticks before it. Value type.
#ifndef ARCHPOOL_SERVER_CORE_RULES_EXPIRY_HOLD_H_
#define ARCHPOOL_SERVER_CORE_RULES_EXPIRY_HOLD_H_

#include "absl/time/time.h"
#include "server/core/rules/policy.h"

namespace archpool {

// Expiry waits one silence term after a start or a gap in the ticks: the time
// away is added to every deadline, and workers that were to answer need a while
// more to find the pool again. It goes from a pool to the one that replaces it
// in the same process: a reload is no outage, or a peer that can cause one
// could put expiry off forever.
struct ExpiryHold {
  absl::Time last_tick = absl::InfinitePast();
  absl::Time held_until = absl::InfinitePast();
};

// How far the time that a pool's clock record says may lag behind.
absl::Duration NoteInterval(const PoolPolicy& policy);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RULES_EXPIRY_HOLD_H_
