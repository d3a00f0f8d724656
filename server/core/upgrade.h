// What an older server left, made into what this one works with.
#ifndef ARCHPOOL_SERVER_CORE_UPGRADE_H_
#define ARCHPOOL_SERVER_CORE_UPGRADE_H_

#include "absl/status/statusor.h"
#include "server/core/commands/commands.h"
#include "server/core/state/step.h"

namespace archpool {

absl::StatusOr<UpgradeRecords::Reply> Execute(Step& step,
                                              const UpgradeRecords& command);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_UPGRADE_H_
