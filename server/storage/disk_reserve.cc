// SPDX-License-Identifier: Apache-2.0
#include "server/storage/disk_reserve.h"

#include <sys/statvfs.h>

#include <algorithm>

#include "common/base/status.h"

namespace archpool {

std::optional<DiskSpace> DiskSpaceAt(const std::string& path) {
  struct statvfs disk;
  if (statvfs(path.c_str(), &disk) != 0) return std::nullopt;
  const auto block = static_cast<int64_t>(disk.f_frsize);
  return DiskSpace{.total_bytes = static_cast<int64_t>(disk.f_blocks) * block,
                   .free_bytes = static_cast<int64_t>(disk.f_bavail) * block};
}

absl::Status DiskReserve::Check() const {
  if (bytes_ == 0) return absl::OkStatus();
  const std::optional<DiskSpace> disk = look_();
  if (!disk) return absl::OkStatus();
  if (disk->free_bytes >= std::min(bytes_, disk->total_bytes / 10)) {
    return absl::OkStatus();
  }
  return Unavailable("STORAGE_RESERVED",
                     "the pool's disk is nearly full, and what is left of it "
                     "is kept for work that is running; its operator is told: "
                     "try again later");
}

}  // namespace archpool
