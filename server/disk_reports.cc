// SPDX-License-Identifier: Apache-2.0
#include "server/disk_reports.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/log/log.h"
#include "server/line_limit.h"
#include "server/storage/disk_reserve.h"

namespace archpool {
namespace {

constexpr absl::Duration kLineInterval = absl::Minutes(1);

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

std::function<absl::Status()> DiskCheck(int64_t reserve_bytes,
                                        const DataDirectory& directory,
                                        const Clock& clock) {
  const DiskReserve reserve(
      [path = directory.BlobsPath()] { return DiskSpaceAt(path); },
      reserve_bytes);
  return [reserve, &clock, limit = std::make_shared<LineLimit>(kLineInterval)] {
    absl::Status kept = reserve.Check();
    if (kept.ok()) return kept;
    if (const auto unsaid = limit->Take(clock.Now())) {
      LogWarn("disk_reserved",
              "what is left of the disk is kept for work that is running: new "
              "files and tasks are refused",
              "free space on the disk of --data-dir, or lower "
              "--disk-reserve-mib",
              {{"unlogged_refusals", *unsaid}});
    }
    return kept;
  };
}

}  // namespace archpool
