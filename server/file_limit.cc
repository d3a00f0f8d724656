// SPDX-License-Identifier: Apache-2.0
#include "server/file_limit.h"

#include <sys/resource.h>

#include <algorithm>

#include "common/log/log.h"

namespace archpool {
namespace {

// Beyond it, connections cost memory that nobody has.
constexpr int64_t kDescriptorsMax = 1 << 20;
// POSIX grants a process that many.
constexpr int64_t kDescriptorsMin = 20;
// Ten connections of the database, files of blobs and uploads under way, the
// log, metrics, a rail, epolls, and a wide margin.
constexpr int64_t kReserved = 1'024;
constexpr int64_t kDescriptorsPerConnection = 2;
constexpr int64_t kConnectionsWanted = 4'096;

}  // namespace

FileBudget DivideFiles(int64_t descriptors) {
  // Half of a small limit.
  const int64_t reserved = std::min(kReserved, descriptors / 2);
  return {
      .descriptors = descriptors,
      .connections = std::max<int64_t>(
          (descriptors - reserved) / kDescriptorsPerConnection, 1),
      // Those that just ended may not be closed yet, and take of the margin.
      .connection_descriptor_max = static_cast<int>(descriptors - reserved / 2),
  };
}

FileBudget RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    limit.rlim_cur = limit.rlim_max = kDescriptorsMin;
  }
  const rlim_t wanted =
      std::min(limit.rlim_max, static_cast<rlim_t>(kDescriptorsMax));
  if (limit.rlim_cur < wanted) {
    rlimit raised = limit;
    raised.rlim_cur = wanted;
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  const FileBudget budget = DivideFiles(static_cast<int64_t>(
      std::min(limit.rlim_cur, static_cast<rlim_t>(kDescriptorsMax))));
  if (budget.connections < kConnectionsWanted) {
    LogWarn("descriptors_few",
            "this process may have few files open, so few connections fit",
            "raise the hard limit of open files (LimitNOFILE= of the unit, or "
            "ulimit -Hn) to 16384 or more",
            {{"descriptors", budget.descriptors},
             {"connections", budget.connections}});
  }
  return budget;
}

}  // namespace archpool
