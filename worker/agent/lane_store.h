// SPDX-License-Identifier: Apache-2.0
// What each of a worker's lanes keeps on disk. To the pool a lane is a worker
// of its own, with a name of its own; the first one is the worker that there
// was before there were any others, and lies where that lay.
#ifndef ARCHPOOL_WORKER_AGENT_LANE_STORE_H_
#define ARCHPOOL_WORKER_AGENT_LANE_STORE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/agent/attempt_log.h"
#include "worker/agent/checkpoint_vault.h"
#include "worker/agent/trial_journal.h"

namespace archpool {

// Lanes are counted from 1. A lane finds its own again, however many others
// there are at the next start.
std::string LaneDirectory(const std::string& work_dir, int64_t lane);
// A worker's name, again: 1 to 64 of [a-z0-9-]. REQUIRES: so is `name`.
std::string LaneName(const std::string& name, int64_t lane);

// The lanes after the first `lanes` that an earlier start left something in: in
// order.
std::vector<int64_t> LanesLeft(const std::string& work_dir, int64_t lanes);

struct LaneStore {
  std::unique_ptr<TrialJournal> journal;
  std::unique_ptr<CheckpointVault> vault;
  std::unique_ptr<AttemptLog> attempts;
};

// Opens the store of the lane that is `name` to the pool. What was begun in
// another arithmetic than `arithmetic` is dropped. The disk's errors.
absl::StatusOr<LaneStore> OpenLaneStore(const std::string& directory,
                                        const std::string& name,
                                        const std::string& arithmetic,
                                        int64_t checkpoint_bytes_max);

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_LANE_STORE_H_
