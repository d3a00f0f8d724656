// SPDX-License-Identifier: Apache-2.0
// What the core holds in memory, by what it is: an operator who sees the server
// grow wants to know of what.
#ifndef ARCHPOOL_SERVER_CORE_STATE_HELD_RECORDS_H_
#define ARCHPOOL_SERVER_CORE_STATE_HELD_RECORDS_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "server/core/state/pool_state.h"

namespace archpool {

// How many records of each kind: {{"accounts", 7}, ...}.
using HeldRecords = std::vector<std::pair<const char*, int64_t>>;

HeldRecords CountHeld(const PoolState& state);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_STATE_HELD_RECORDS_H_
