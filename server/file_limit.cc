// SPDX-License-Identifier: Apache-2.0
#include "server/file_limit.h"

#include <sys/resource.h>

#include <algorithm>

#include "common/log/log.h"

namespace archpool {
namespace {

// Beyond it, connections cost memory that nobody has.
constexpr int64_t kFileLimitMax = 1 << 20;
// Ten connections of the database, files of blobs and uploads under way, the
// log, metrics, a rail, epolls, and a wide margin.
constexpr int64_t kReserved = 1024;
constexpr int64_t kDescriptorsPerConnection = 2;
constexpr int64_t kConnectionsWanted = 4096;

}  // namespace

int64_t RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kReserved;
  const rlim_t wanted =
      std::min(limit.rlim_max, static_cast<rlim_t>(kFileLimitMax));
  if (limit.rlim_cur < wanted) {
    rlimit raised = limit;
    raised.rlim_cur = wanted;
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return static_cast<int64_t>(
      std::min(limit.rlim_cur, static_cast<rlim_t>(kFileLimitMax)));
}

int64_t ConnectionsOf(int64_t file_limit) {
  // Of a small limit, half.
  const int64_t reserved = std::min(kReserved, file_limit / 2);
  const int64_t connections =
      std::max<int64_t>((file_limit - reserved) / kDescriptorsPerConnection, 1);
  if (connections < kConnectionsWanted) {
    LogWarn("descriptors_few",
            "this process may have few files open, so few connections fit",
            "raise the hard limit of open files (LimitNOFILE= of the unit, or "
            "ulimit -Hn) to 16384 or more",
            {{"descriptors", file_limit}, {"connections", connections}});
  }
  return connections;
}

}  // namespace archpool
