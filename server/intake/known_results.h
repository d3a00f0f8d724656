// SPDX-License-Identifier: Apache-2.0
// What a client's earlier tasks found out about a new one: results on the same
// dataset under the same recipe need not be bought twice.
#ifndef ARCHPOOL_SERVER_INTAKE_KNOWN_RESULTS_H_
#define ARCHPOOL_SERVER_INTAKE_KNOWN_RESULTS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "common/model/task_spec.h"
#include "server/core/records/entities.h"
#include "server/storage/blob_store.h"
#include "server/storage/store.h"

namespace archpool {

// Accepted trials of the client's ended tasks, the newest tasks first, whose
// networks have a place in `spec`'s space, within its limits and rungs: with
// the architecture as it is spelt there. At most kKnownResultsMax
// (server/core/commands/commands.h), from a bounded number of tasks; none where
// the dataset is not registered. Builds each network, which the engine's thread
// has no time for. May block; thread-safe. The reader's errors.
// REQUIRES: spec.ValidateNew() is ok.
absl::StatusOr<std::vector<Trial>> CollectKnownResults(Reader& reader,
                                                       AccountId client,
                                                       const TaskSpec& spec);

// Those of them that the new task can use as they are: where one may be trained
// further, its weights have to be here still. They are held, until `held` goes:
// a collector must not remove what a task is about to name.
std::vector<Trial> HoldWeights(const BlobStore& blobs, const TaskSpec& spec,
                               std::vector<Trial> known,
                               std::vector<BlobHold>& held);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_INTAKE_KNOWN_RESULTS_H_
