// SPDX-License-Identifier: Apache-2.0
// Who names a blob, as the store in memory has it.
#include <utility>

#include "server/storage/memory_store.h"

namespace archpool {
namespace {

DatasetClaim ClaimOf(const memory::Tables& tables,
                     const DatasetRecord& dataset) {
  DatasetClaim claim{.dataset = dataset};
  for (const auto& [id, task] : tables.All<Task>()) {
    if (task.spec->dataset != dataset.id) continue;
    if (!task.end_time) {
      claim.has_open_task = true;
    } else if (!claim.last_end_time || *claim.last_end_time < *task.end_time) {
      claim.last_end_time = task.end_time;
    }
  }
  return claim;
}

}  // namespace

BlobClaims MemoryStore::ClaimsLocked(const Digest& blob) const {
  BlobClaims claims{.digest = blob};
  for (const auto& [key, file] : tables_.All<StoredFile>()) {
    if (file.digest == blob) claims.files.push_back(file);
  }
  for (const auto& [id, dataset] : tables_.All<DatasetRecord>()) {
    if (dataset.manifest.train == blob || dataset.manifest.validation == blob ||
        dataset.held_out == blob) {
      claims.datasets.push_back(ClaimOf(tables_, dataset));
    }
  }
  for (const auto& [id, trial] : tables_.All<Trial>()) {
    if (!trial.commitment || trial.commitment->weights_digest != blob) continue;
    claims.trials.push_back(
        {.trial = id,
         .task = trial.task,
         .account = trial.account,
         .state = trial.state,
         .task_end_time = tables_.All<Task>().at(trial.task).end_time});
  }
  for (const auto& [id, weights] : tables_.All<StoredWeights>()) {
    if (weights.digest == blob) claims.weights.push_back(weights);
  }
  return claims;
}

absl::StatusOr<std::vector<BlobClaims>> MemoryStore::FindClaims(
    const std::vector<Digest>& blobs) {
  absl::MutexLock lock(&mutex_);
  std::vector<BlobClaims> claims;
  claims.reserve(blobs.size());
  for (const Digest& blob : blobs) claims.push_back(ClaimsLocked(blob));
  return claims;
}

}  // namespace archpool
