// SPDX-License-Identifier: Apache-2.0
// One training's directory in a checkpoint vault: two files a checkpoint and an
// index of them. Thread-safe for different directories.
#ifndef ARCHPOOL_WORKER_AGENT_CHECKPOINT_FILES_H_
#define ARCHPOOL_WORKER_AGENT_CHECKPOINT_FILES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/model/commitment.h"
#include "common/model/ids.h"

namespace archpool {

inline constexpr char kCheckpointIndex[] = "index.json";
inline constexpr char kCheckpointWeights[] = "weights";
inline constexpr char kCheckpointOptimizer[] = "optimizer";

// What was seen of a training; unset: the pool was not told of it.
struct CheckpointIndex {
  TrialId kept_for;
  std::vector<CheckpointFiles> seen;
};

// nullopt: there is none, or it cannot be read.
std::optional<CheckpointIndex> ReadCheckpointIndex(
    const std::string& directory);
// Whole or not at all, for a process that is killed. Makes the directory. The
// disk's errors.
absl::Status WriteCheckpointIndex(const std::string& directory,
                                  const CheckpointIndex& index);

// "DIRECTORY/BOUNDARY.PART".
std::string CheckpointPath(const std::string& directory, int64_t boundary,
                           absl::string_view part);
// Not synced: what a crash of the machine takes is trained again.
// RESOURCE_EXHAUSTED (DISK_FULL).
absl::Status WriteCheckpointFile(const std::string& path,
                                 absl::string_view bytes);
bool IsCheckpointFileThere(const std::string& path, int64_t size_bytes);

// Removes what these functions write, and the directory where that was all.
void RemoveCheckpointDirectory(const std::string& directory);

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_CHECKPOINT_FILES_H_
