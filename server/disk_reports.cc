// SPDX-License-Identifier: Apache-2.0
#include "server/disk_reports.h"

#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/log/log.h"
#include "server/line_limit.h"
#include "server/storage/disk_reserve.h"

namespace archpool {
namespace {

constexpr absl::Duration kLineInterval = absl::Minutes(1);
constexpr absl::Duration kHeldInterval = absl::Hours(1);
constexpr absl::Duration kLowInterval = absl::Minutes(10);

void SayUnfinished(const absl::Status& cause) {
  LogWarn("collection_failed",
          "the look for files that are no longer needed was not finished",
          "the next one tries again; if it repeats, look at the disk of "
          "--data-dir and at PostgreSQL",
          {{"error", cause}});
}

}  // namespace

void NoteDisk(Metrics& metrics, bool is_failing) {
  metrics.NoteStorageFailing(is_failing);
  if (is_failing) {
    LogError("disk_failing",
             "the pool's disk fails: uploads are refused, and miners have more "
             "time for what they were asked for",
             "free space on the disk of --data-dir, or repair it; "
             "storage_failed says what fails");
  } else {
    LogInfo("disk_recovered", "the pool's disk takes files again");
  }
}

std::function<void(const std::vector<AccountId>&)> FillersLog(
    const Clock& clock) {
  return [&clock, limit = std::make_shared<LineLimit>(kLineInterval)](
             const std::vector<AccountId>& accounts) {
    if (!limit->Take(clock.Now())) return;
    const auto add = [](std::string* list, AccountId account) {
      absl::StrAppend(list, account.ToString());
    };
    LogWarn("disk_filled",
            "the disk is full, and accounts that filled it get no more time "
            "for what they were asked for",
            "free space on the disk of --data-dir; archpool account quota says "
            "what an account has stored",
            {{"accounts", absl::StrJoin(accounts, " ", add)}});
  };
}

std::vector<WatchedDisk> DisksOf(const ServerFlags& flags,
                                 const DataDirectory& directory) {
  std::vector<WatchedDisk> disks = {{"files", directory.BlobsPath()}};
  if (!flags.database_url.empty()) {
    LogInfo("database_disk_unseen",
            "the disk of the database at --database-url cannot be seen from "
            "here: its free space is yours to watch");
    return disks;
  }
  const std::string cluster = directory.ClusterPath() + "/cluster";
  disks.push_back({"database", cluster});
  disks.push_back({"database_log", cluster + "/pg_wal"});
  return disks;
}

std::function<absl::Status()> DiskCheck(int64_t reserve_bytes,
                                        const std::vector<WatchedDisk>& disks,
                                        const Clock& clock) {
  std::vector<std::pair<std::string, DiskReserve>> reserves;
  for (const WatchedDisk& disk : disks) {
    reserves.emplace_back(
        disk.name, DiskReserve([path = disk.path] { return DiskSpaceAt(path); },
                               reserve_bytes));
  }
  return [reserves, &clock,
          limit = std::make_shared<LineLimit>(kLineInterval)] {
    for (const auto& [disk, reserve] : reserves) {
      absl::Status kept = reserve.Check();
      if (kept.ok()) continue;
      if (const auto unsaid = limit->Take(clock.Now())) {
        LogWarn("disk_reserved",
                "what is left of the disk is kept for work that is running: "
                "new files and tasks are refused",
                "free space on the disk of --data-dir, keep files for a "
                "shorter time (--keep-results and its like), or lower "
                "--disk-reserve-mib",
                {{"disk", disk}, {"unlogged_refusals", *unsaid}});
      }
      return kept;
    }
    return absl::OkStatus();
  };
}

std::function<void()> FreeSpaceWatch(int64_t reserve_bytes,
                                     const std::vector<WatchedDisk>& disks,
                                     const DatabaseReserve& reserve,
                                     const Clock& clock, Metrics& metrics) {
  return [reserve_bytes, disks, of_database = reserve, &clock, &metrics,
          limit = std::make_shared<LineLimit>(kLowInterval)] {
    KeepReserve(of_database);
    for (const WatchedDisk& disk : disks) {
      const std::optional<DiskSpace> space = DiskSpaceAt(disk.path);
      if (!space) continue;
      metrics.NoteDiskFree(disk.name, space->free_bytes);
      const DiskReserve kept([&space] { return space; }, reserve_bytes);
      if (kept.Check().ok() || !limit->Take(clock.Now())) continue;
      LogWarn("disk_low",
              "less is left of a disk than is kept for work that is running",
              "free space on it before it is full",
              {{"disk", disk.name},
               {"directory", disk.path},
               {"free_mib", space->free_bytes >> 20}});
    }
  };
}

DatabaseReserve ReserveOf(const ServerFlags& flags,
                          const DataDirectory& directory) {
  const std::string folder = directory.ClusterPath();
  const int64_t bytes =
      flags.database_url.empty() ? (flags.disk_reserve_mib << 20) / 8 : 0;
  return {folder + "/reserve", bytes, [folder] { return DiskSpaceAt(folder); }};
}

void KeepReserve(const DatabaseReserve& reserve) {
  switch (reserve.Keep()) {
    case DatabaseReserve::Change::kNone:
      return;
    case DatabaseReserve::Change::kMade:
      return LogInfo("database_reserve_made",
                     "a file keeps room for the database on its disk");
    case DatabaseReserve::Change::kGivenUp:
      return LogError(
          "database_reserve_given_up",
          "the database's disk is full: the room that was kept for the "
          "database is given to it, and no file is taken until it is kept "
          "again",
          "free space on the disk of --data-dir; files that nothing needs are "
          "removed now, and sooner with shorter times (--keep-results and its "
          "like)");
  }
}

std::function<bool(const std::string&)> KeptForDatabase(
    const ServerFlags& flags, const DataDirectory& directory) {
  return [reserve = ReserveOf(flags, directory),
          folder = directory.ClusterPath()](const std::string& path) {
    struct stat database;
    struct stat written;
    return stat(folder.c_str(), &database) == 0 &&
           stat(path.c_str(), &written) == 0 &&
           database.st_dev == written.st_dev && reserve.IsShort();
  };
}

std::function<void(const absl::StatusOr<CollectedBlobs>&)> CollectionLog(
    const Clock& clock, Metrics& metrics) {
  return [&clock, &metrics, limit = std::make_shared<LineLimit>(kHeldInterval)](
             const absl::StatusOr<CollectedBlobs>& round) {
    if (!round.ok()) {
      SayUnfinished(round.status());
      return;
    }
    if (!round->unended.ok()) SayUnfinished(round->unended);
    metrics.NoteCollection(
        round->removed, round->freed_bytes,
        round->was_held_up ? -1 : round->looked_at - round->removed);
    for (const Digest& dataset : round->datasets_dropped) {
      LogInfo("dataset_dropped",
              "no task was opened on this dataset for --keep-unused-datasets: "
              "its files are no longer kept, and its owner may register it "
              "again",
              {{"dataset", dataset.ToString()}});
    }
    if (round->removed > 0 || round->parts_removed > 0) {
      LogInfo("blobs_collected", "files that nothing needs were removed",
              {{"files", round->removed},
               {"freed_mib", round->freed_bytes >> 20},
               {"parts_of_uploads", round->parts_removed},
               {"kept_files", round->looked_at - round->removed}});
    }
    if (round->was_held_up && limit->Take(clock.Now())) {
      LogInfo("collection_held_up",
              "a backup copies files: what nothing needs is removed when it "
              "has ended");
    }
  };
}

}  // namespace archpool
