// SPDX-License-Identifier: Apache-2.0
// Says from time to time how far a copy has come. One thread at a time.
#ifndef ARCHPOOL_SERVER_COPY_PROGRESS_H_
#define ARCHPOOL_SERVER_COPY_PROGRESS_H_

#include <cstdint>

#include "absl/time/time.h"
#include "common/base/countdown.h"
#include "common/log/log.h"

namespace archpool {

class CopyProgress {
 public:
  explicit CopyProgress(int64_t total_bytes) : total_bytes_(total_bytes) {}

  void Add(int64_t bytes) {
    done_bytes_ += bytes;
    if (!until_line_.IsOver()) return;
    until_line_ = Countdown(kInterval);
    LogInfo(
        "copy_progress", "files are copied, or read",
        {{"done_mib", done_bytes_ / kMib}, {"total_mib", total_bytes_ / kMib}});
  }

 private:
  static constexpr absl::Duration kInterval = absl::Seconds(5);
  static constexpr int64_t kMib = int64_t{1} << 20;

  const int64_t total_bytes_;
  int64_t done_bytes_ = 0;
  Countdown until_line_{kInterval};
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_COPY_PROGRESS_H_
