// SPDX-License-Identifier: Apache-2.0
// What an operator is told of the disk. Functions; thread-safe, as is what they
// return.
#ifndef ARCHPOOL_SERVER_DISK_REPORTS_H_
#define ARCHPOOL_SERVER_DISK_REPORTS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/model/ids.h"
#include "server/data_directory.h"
#include "server/engine/blob_collector.h"
#include "server/observability/metrics.h"
#include "server/server_flags.h"
#include "server/storage/database_reserve.h"

namespace archpool {

// It begins to refuse files, or takes them again.
void NoteDisk(Metrics& metrics, bool is_failing);

// Says which accounts get no time for a disk that they filled. `clock` outlives
// it.
std::function<void(const std::vector<AccountId>&)> FillersLog(
    const Clock& clock);

// Where something of the pool lies, as operators know it: "files", "database".
struct WatchedDisk {
  std::string name;
  std::string path;
};

// The disks of the files and of the private database; of the latter's log too,
// which may lie elsewhere. The disk of a database at --database-url cannot be
// seen from here, which is said.
std::vector<WatchedDisk> DisksOf(const ServerFlags& flags,
                                 const DataDirectory& directory);

// Whether each has room for new files and tasks beside what is kept for work
// that is running (DiskReserve), and says where there is none. `clock` outlives
// it.
std::function<absl::Status()> DiskCheck(int64_t reserve_bytes,
                                        const std::vector<WatchedDisk>& disks,
                                        const Clock& clock);

// Shows how much is left of each, and says where that is less than is kept: by
// then nobody may have asked. Keeps the database's reserve as well. Both
// outlive it.
std::function<void()> FreeSpaceWatch(int64_t reserve_bytes,
                                     const std::vector<WatchedDisk>& disks,
                                     const DatabaseReserve& reserve,
                                     const Clock& clock, Metrics& metrics);

// The private database's: an eighth of --disk-reserve-mib. None of a database
// at
// --database-url, which is on another machine as far as the server knows.
DatabaseReserve ReserveOf(const ServerFlags& flags,
                          const DataDirectory& directory);

// Gives it up or makes it, as there is room, and says so.
void KeepReserve(const DatabaseReserve& reserve);

// Whether what is left of that directory's disk is for the database alone.
std::function<bool(const std::string&)> KeptForDatabase(
    const ServerFlags& flags, const DataDirectory& directory);

// Says what a round of the collection did. Both outlive it.
std::function<void(const absl::StatusOr<CollectedBlobs>&)> CollectionLog(
    const Clock& clock, Metrics& metrics);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_DISK_REPORTS_H_
