// SPDX-License-Identifier: Apache-2.0
// The weights that this worker's trainings ended with, for those that advance
// to the next rung. What was dropped, or trained by another worker of the
// account, comes back from the pool. Thread-safe.
#ifndef ARCHPOOL_WORKER_AGENT_RUNG_WEIGHTS_CACHE_H_
#define ARCHPOOL_WORKER_AGENT_RUNG_WEIGHTS_CACHE_H_

#include <stop_token>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "common/channel/blob_cache.h"
#include "common/data/safetensors.h"
#include "worker/agent/work_client.h"

namespace archpool {

class RungWeightsCache {
 public:
  // `client` outlives this.
  RungWeightsCache(WorkClient& client, BlobCache blobs)
      : client_(client), blobs_(std::move(blobs)) {}

  // Keeps a training's weights, as they are serialised.
  void Keep(const Digest& digest, absl::string_view weights)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // What `assignment` continues from. REQUIRES: assignment.resumes is set.
  // BlobCache::Get's, the pool's and ParseSafetensors' errors.
  absl::StatusOr<TensorMap> Get(const wire::WorkAssignment& assignment,
                                const std::stop_token& stop)
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  WorkClient& client_;
  // Held over a fetch: blobs on disk are for one at a time.
  absl::Mutex mutex_;
  BlobCache blobs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_RUNG_WEIGHTS_CACHE_H_
