// SPDX-License-Identifier: Apache-2.0
// What an older server left, made into what this one works with.
#ifndef ARCHPOOL_SERVER_CORE_UPGRADE_H_
#define ARCHPOOL_SERVER_CORE_UPGRADE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/core/commands/commands.h"
#include "server/core/records/snapshot.h"
#include "server/core/state/step.h"

namespace archpool {

// Whether this server can continue with what was stored. FAILED_PRECONDITION
// (COST_TABLE_UNKNOWN): a task that is under way is priced by a table that only
// another version has.
absl::Status CheckRecords(const PoolSnapshot& snapshot);

absl::StatusOr<UpgradeRecords::Reply> Execute(Step& step,
                                              const UpgradeRecords& command);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_UPGRADE_H_
