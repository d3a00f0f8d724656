// SPDX-License-Identifier: Apache-2.0
// All of a task's trials, page by page. Thread-safe where the reader is.
#ifndef ARCHPOOL_SERVER_STORAGE_ALL_TRIALS_H_
#define ARCHPOOL_SERVER_STORAGE_ALL_TRIALS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "common/model/ids.h"
#include "server/core/records/entities.h"
#include "server/storage/store.h"

namespace archpool {

// By id; none for a task that is unknown. Blocks on the database, and may hold
// a hundred thousand records. The reader's errors.
absl::StatusOr<std::vector<Trial>> AllTrials(Reader& reader, TaskId task);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_ALL_TRIALS_H_
