// SPDX-License-Identifier: Apache-2.0
// The line of a worker's log about its own disk. Thread-safe.
#ifndef ARCHPOOL_WORKER_AGENT_DISK_LOG_H_
#define ARCHPOOL_WORKER_AGENT_DISK_LOG_H_

#include "absl/status/status.h"

namespace archpool {

// Says that a file could not be kept and that the worker manages without it.
void WarnOfDisk(const absl::Status& status);

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_DISK_LOG_H_
