// SPDX-License-Identifier: Apache-2.0
// Follows a task until it ends: a live view on a terminal, lines elsewhere.
#ifndef ARCHPOOL_CLIENT_WATCH_H_
#define ARCHPOOL_CLIENT_WATCH_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "client/context.h"

namespace archpool {

// Answers the task as it ended. With --json only the end is shown.
absl::StatusOr<v1::Task> WatchTask(Context& context, int64_t task_id);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_WATCH_H_
