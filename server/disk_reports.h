// SPDX-License-Identifier: Apache-2.0
// What an operator is told of the disk. Functions; thread-safe, as is what they
// return.
#ifndef ARCHPOOL_SERVER_DISK_REPORTS_H_
#define ARCHPOOL_SERVER_DISK_REPORTS_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "common/model/ids.h"
#include "server/data_directory.h"
#include "server/observability/metrics.h"

namespace archpool {

// It begins to refuse files, or takes them again.
void NoteDisk(Metrics& metrics, bool is_failing);

// Says which accounts get no time for a disk that they filled. `clock` outlives
// it.
std::function<void(const std::vector<AccountId>&)> FillersLog(
    const Clock& clock);

// Whether there is room for new files and tasks beside what is kept for work
// that is running (DiskReserve), and says where there is none. `clock` outlives
// it.
std::function<absl::Status()> DiskCheck(int64_t reserve_bytes,
                                        const DataDirectory& directory,
                                        const Clock& clock);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_DISK_REPORTS_H_
