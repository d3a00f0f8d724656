// SPDX-License-Identifier: Apache-2.0
// The splits that leases name, fetched once and kept on disk by digest; the
// last ones used, and those that are in use, also in memory. Thread-safe:
// a lane that asks for what another one fetches waits for it.
#ifndef ARCHPOOL_WORKER_AGENT_TRAINING_DATA_H_
#define ARCHPOOL_WORKER_AGENT_TRAINING_DATA_H_

#include <map>
#include <memory>
#include <stop_token>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/channel/blob_cache.h"
#include "common/data/dataset.h"
#include "worker/agent/work_client.h"

namespace archpool {

struct TrainingData {
  Dataset train;
  Dataset validation;
};

class TrainingDataCache {
 public:
  // `client` outlives this.
  TrainingDataCache(WorkClient& client, BlobCache blobs)
      : client_(client), blobs_(std::move(blobs)) {}

  // The splits of `manifest`, the dataset `id`. The server's errors; the
  // cache's; INVALID_ARGUMENT (DATASET_MALFORMED, DATASET_MISMATCH: not of the
  // shape that the manifest says).
  absl::StatusOr<std::shared_ptr<const TrainingData>> Get(
      const Digest& id, const DatasetManifest& manifest,
      const std::stop_token& stop) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::StatusOr<Dataset> GetSplit(const Digest& id,
                                   const DatasetManifest& manifest,
                                   WorkSplit split, const std::stop_token& stop)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  WorkClient& client_;
  // Held over a fetch: blobs on disk are for one at a time.
  absl::Mutex mutex_;
  BlobCache blobs_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const TrainingData> last_used_ ABSL_GUARDED_BY(mutex_);
  std::map<Digest, std::weak_ptr<const TrainingData>> in_use_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_TRAINING_DATA_H_
