// The splits that leases name, fetched once and kept on disk by digest; the
// last ones used also in memory. Thread-compatible.
#ifndef ARCHPOOL_WORKER_AGENT_TRAINING_DATA_H_
#define ARCHPOOL_WORKER_AGENT_TRAINING_DATA_H_

#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
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
      const std::stop_token& stop);

 private:
  absl::StatusOr<Dataset> GetSplit(const Digest& id,
                                   const DatasetManifest& manifest,
                                   WorkSplit split,
                                   const std::stop_token& stop);

  WorkClient& client_;
  BlobCache blobs_;
  Digest loaded_id_;
  std::shared_ptr<const TrainingData> loaded_;
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_TRAINING_DATA_H_
