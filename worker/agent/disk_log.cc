// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/disk_log.h"

#include "common/log/log.h"

namespace archpool {

void WarnOfDisk(const absl::Status& status) {
  LogWarn("work_dir_unwritable",
          "a file of the work directory could not be written; the worker "
          "manages without it",
          "free space on the disk of --work-dir, or repair it",
          {{"error", status}});
}

}  // namespace archpool
