// SPDX-License-Identifier: Apache-2.0
// Who needs a blob: the records that name it. Read from a store, decided about
// by server/core/rules/retention.h. Value types; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_BLOB_CLAIMS_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_BLOB_CLAIMS_H_

#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "common/crypto/sha256.h"
#include "common/model/ids.h"
#include "server/core/records/entities.h"

namespace archpool {

// The blob is a split of this dataset.
struct DatasetClaim {
  DatasetRecord dataset;
  bool has_open_task = false;
  std::optional<absl::Time> last_end_time;  // of its tasks that have ended
};

// The blob is the weights of this trial, or was to be; a known result's too.
struct WeightsClaim {
  TrialId trial;
  TaskId task;
  AccountId account;  // whose trial it is, and who sends them
  TrialState state = TrialState::kAssigned;
  std::optional<absl::Time> task_end_time;  // unset: it is open
};

// Each in the order of its ids.
struct BlobClaims {
  Digest digest;
  std::vector<StoredFile> files;
  std::vector<DatasetClaim> datasets;
  std::vector<WeightsClaim> trials;
  // Who has the weights counted, of the trials.
  std::vector<StoredWeights> weights;

  bool IsEmpty() const {
    return files.empty() && datasets.empty() && trials.empty() &&
           weights.empty();
  }
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_BLOB_CLAIMS_H_
