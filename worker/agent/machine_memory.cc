// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/machine_memory.h"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace archpool {
namespace {

// The kernel's files say no size of their own: they are read to their end, or
// to here.
std::string Contents(const std::string& path) {
  std::string text(64 << 10, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

// "MemTotal:       16384 kB"
int64_t InstalledBytes(const std::string& root) {
  std::istringstream lines(Contents(root + "/proc/meminfo"));
  std::string name;
  int64_t kibibytes = 0;
  if (!(lines >> name >> kibibytes) || name != "MemTotal:") return INT64_MAX;
  return kibibytes << 10;
}

// A number of bytes, or "max"; more than anybody has where there is no limit.
int64_t LimitIn(const std::string& path) {
  int64_t bytes = 0;
  return absl::SimpleAtoi(Contents(path), &bytes) && bytes > 0 ? bytes
                                                               : INT64_MAX;
}

// The limit of the group and of all that it lies in. Inside a container the
// path may be the host's: what is not there limits nothing, and the top is
// always looked at.
int64_t LimitOfGroup(const std::string& mount, absl::string_view group,
                     const std::string& file) {
  int64_t least = INT64_MAX;
  std::string path = mount;
  least = std::min(least, LimitIn(absl::StrCat(path, "/", file)));
  for (const absl::string_view part :
       absl::StrSplit(group, '/', absl::SkipEmpty())) {
    absl::StrAppend(&path, "/", part);
    least = std::min(least, LimitIn(absl::StrCat(path, "/", file)));
  }
  return least;
}

// Lines of "0::/group" (v2) and "9:memory,other:/group" (v1).
int64_t LimitOfGroups(const std::string& root) {
  int64_t least = INT64_MAX;
  const std::string groups = Contents(root + "/proc/self/cgroup");
  for (const absl::string_view line : absl::StrSplit(groups, '\n')) {
    const std::vector<absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    if (parts[0] == "0" && parts[1].empty()) {
      least = std::min(
          least, LimitOfGroup(root + "/sys/fs/cgroup", parts[2], "memory.max"));
    } else if (absl::StrContains(absl::StrCat(",", parts[1], ","),
                                 ",memory,")) {
      least = std::min(least, LimitOfGroup(root + "/sys/fs/cgroup/memory",
                                           parts[2], "memory.limit_in_bytes"));
    }
  }
  return least;
}

int64_t LimitOf(decltype(RLIMIT_AS) resource) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return INT64_MAX;
  }
  return static_cast<int64_t>(
      std::min(limit.rlim_cur, static_cast<rlim_t>(INT64_MAX)));
}

int64_t OrUnknown(int64_t bytes) { return bytes == INT64_MAX ? 0 : bytes; }

}  // namespace

int64_t MachineMemoryBytes(const std::string& root) {
  return OrUnknown(std::min(InstalledBytes(root), LimitOfGroups(root)));
}

int64_t ProcessMemoryBytes() {
  const int64_t machine = MachineMemoryBytes();
  return OrUnknown(std::min({machine > 0 ? machine : INT64_MAX,
                             LimitOf(RLIMIT_AS), LimitOf(RLIMIT_DATA)}));
}

}  // namespace archpool
