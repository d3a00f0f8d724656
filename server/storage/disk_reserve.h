// SPDX-License-Identifier: Apache-2.0
// A part of the disk is kept for work that is running: below it what begins
// something new (files of datasets, tasks) is refused, so that what the pool
// has asked of miners finds room. Thread-safe.
#ifndef ARCHPOOL_SERVER_STORAGE_DISK_RESERVE_H_
#define ARCHPOOL_SERVER_STORAGE_DISK_RESERVE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"

namespace archpool {

struct DiskSpace {
  int64_t total_bytes = 0;
  int64_t free_bytes = 0;  // for this process
};

// What the disk with that path says; nullopt where it does not.
std::optional<DiskSpace> DiskSpaceAt(const std::string& path);

class DiskReserve {
 public:
  using Look = std::function<std::optional<DiskSpace>()>;

  // Keeps `bytes`, or a tenth of the disk where that is less; 0 keeps none.
  DiskReserve(Look look, int64_t bytes)
      : look_(std::move(look)), bytes_(bytes) {}

  // UNAVAILABLE (STORAGE_RESERVED): no more is left. Where the disk does not
  // say, it is written to until it refuses.
  absl::Status Check() const;

 private:
  const Look look_;
  const int64_t bytes_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_DISK_RESERVE_H_
