// SPDX-License-Identifier: Apache-2.0
// The directory that a program works in, and tidies up: one of its own. What a
// user keeps in another is never touched.
#ifndef ARCHPOOL_COMMON_BASE_WORK_DIRECTORY_H_
#define ARCHPOOL_COMMON_BASE_WORK_DIRECTORY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/durable_file.h"

namespace archpool {

// Which program a directory belongs to.
struct WorkDirectoryKind {
  std::string program;  // "archpool-worker"
  // What lies in one that an earlier version made, which marked none: nothing
  // but these, and this one among them.
  std::vector<std::string> earlier_names;
  std::string earlier_sign;
};

// Makes `directory`, or takes one that is empty, or that this program has
// marked as its own; then has it alone. FAILED_PRECONDITION
// (DIRECTORY_NOT_OURS): something else lies in it, and is left as it is;
// DirectoryLock's errors.
absl::StatusOr<DirectoryLock> ClaimDirectory(const std::string& directory,
                                             const WorkDirectoryKind& kind);

// The marker's name.
inline constexpr char kDirectoryMarker[] = "archpool-directory";

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_WORK_DIRECTORY_H_
