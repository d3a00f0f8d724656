// SPDX-License-Identifier: Apache-2.0
// What accounts open within an hour, and may: sessions, and subspaces of tasks.
// The accounts of a group may open what one account may. For server/core's own
// files.
#ifndef ARCHPOOL_SERVER_CORE_STATE_OPENED_H_
#define ARCHPOOL_SERVER_CORE_STATE_OPENED_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/core/records/entities.h"
#include "server/core/rules/policy.h"
#include "server/core/state/memory.h"
#include "server/core/state/pool_state.h"

namespace archpool {

// How many the account opened in its present hour.
int64_t OpenedBy(const OpenedByAccount& opened, AccountId account,
                 absl::Time now);
// And the others of its group in theirs.
int64_t OpenedByOthers(const PoolState& state, const OpenedByAccount& opened,
                       const Account& account, absl::Time now);

// How many the account may have opened: fewer where the others of its group
// have opened what the group may. Of sessions, some and two for each worker.
int64_t SessionsOpenedMax(const PoolState& state, const Memory& memory,
                          const Account& account, absl::Time now);
int64_t BoxesOpenedMax(const PoolState& state, const Memory& memory,
                       const PoolPolicy& policy, const Account& account,
                       absl::Time now);

void NoteOpened(OpenedByAccount& opened, AccountId account, int64_t count,
                absl::Time now);

// How long it takes until there is room: the present hours of the account and
// of the others of its group end one after the other.
absl::Duration UntilRoom(const PoolState& state, const OpenedByAccount& opened,
                         const Account& account, absl::Time now,
                         absl::FunctionRef<bool(absl::Time)> has_room);

// For who is refused: what was opened within the hour, of these `things`, and
// when the next may be. "8 sessions within the hour; the next may be opened in
// 5m"
std::string DescribeOpened(const PoolState& state,
                           const OpenedByAccount& opened,
                           const Account& account, absl::Time now,
                           absl::string_view things,
                           absl::FunctionRef<bool(absl::Time)> has_room);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_STATE_OPENED_H_
