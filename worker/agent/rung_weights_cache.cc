// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/rung_weights_cache.h"

#include <string>

#include "common/base/status.h"
#include "common/log/log.h"
#include "worker/agent/disk_log.h"

namespace archpool {

void RungWeightsCache::Keep(const Digest& digest, absl::string_view weights) {
  const absl::MutexLock lock(&mutex_);
  const auto size = static_cast<int64_t>(weights.size());
  const absl::Status kept =
      blobs_
          .Get(digest, size,
               [&](int64_t offset_bytes, const BlobSink& sink) {
                 return sink(weights.substr(static_cast<size_t>(offset_bytes)),
                             size);
               })
          .status();
  // The pool has them, too.
  if (!kept.ok()) WarnOfDisk(kept);
}

absl::StatusOr<TensorMap> RungWeightsCache::Get(
    const wire::WorkAssignment& assignment, const std::stop_token& stop) {
  const absl::MutexLock lock(&mutex_);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::string weights,
      blobs_.Get(assignment.initial_weights,
                 assignment.initial_weights_size_bytes,
                 [&](int64_t offset_bytes, const BlobSink& sink) {
                   return client_.ReadWeights(assignment.resumes, offset_bytes,
                                              sink, stop);
                 }));
  return ParseSafetensors(weights,
                          {.bytes_max = assignment.initial_weights_size_bytes});
}

}  // namespace archpool
