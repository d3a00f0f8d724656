// SPDX-License-Identifier: Apache-2.0
// What happens with time alone. For the pool's own files.
#ifndef ARCHPOOL_SERVER_CORE_TICK_H_
#define ARCHPOOL_SERVER_CORE_TICK_H_

#include "absl/status/statusor.h"
#include "server/core/commands/commands.h"
#include "server/core/state/step.h"

namespace archpool {

// Closes what is due, and continues what settles and what is forgotten.
absl::StatusOr<Tick::Reply> Execute(Step& step, const Tick& command);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_TICK_H_
