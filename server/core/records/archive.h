// SPDX-License-Identifier: Apache-2.0
// What the core does not hold forever: requests that are long answered, and
// datasets that no open task is of. The owner of a pool asks an archive before
// a command that may be about one (server/core/state/look_up.h), and the
// command carries the answer: so the core stays pure.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_ARCHIVE_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_ARCHIVE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "server/core/records/entities.h"

namespace archpool {

// Knows what was committed. Each function: nullopt where there is none; an
// error where that cannot be said now. Not for several threads.
class Archive {
 public:
  virtual ~Archive() = default;

  // What a request became. REQUIRES: a request id that is not empty.
  virtual absl::StatusOr<std::optional<Task>> FindTask(
      AccountId client, const std::string& request_id) = 0;
  virtual absl::StatusOr<std::optional<TransferId>> FindDeposit(
      const std::string& request_id) = 0;
  virtual absl::StatusOr<std::optional<Payout>> FindPayout(
      AccountId account, const std::string& request_id) = 0;

  virtual absl::StatusOr<std::optional<DatasetRecord>> FindDataset(
      const Digest& id) = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_ARCHIVE_H_
