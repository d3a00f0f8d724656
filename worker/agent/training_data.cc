// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/training_data.h"

#include <utility>

#include "common/base/status.h"
#include "common/channel/dataset_blob.h"

namespace archpool {

absl::StatusOr<std::shared_ptr<const TrainingData>> TrainingDataCache::Get(
    const Digest& id, const DatasetManifest& manifest,
    const std::stop_token& stop) {
  const absl::MutexLock lock(&mutex_);
  if (std::shared_ptr<const TrainingData> used = in_use_[id].lock()) {
    last_used_ = used;
    return used;
  }
  // Two datasets need not fit into memory at once.
  last_used_ = nullptr;
  std::erase_if(in_use_, [](const auto& one) { return one.second.expired(); });
  auto data = std::make_shared<TrainingData>();
  ARCHPOOL_ASSIGN_OR_RETURN(data->train,
                            GetSplit(id, manifest, WorkSplit::kTrain, stop));
  ARCHPOOL_ASSIGN_OR_RETURN(
      data->validation, GetSplit(id, manifest, WorkSplit::kValidation, stop));
  in_use_[id] = data;
  last_used_ = std::move(data);
  return last_used_;
}

absl::StatusOr<Dataset> TrainingDataCache::GetSplit(
    const Digest& id, const DatasetManifest& manifest, WorkSplit split,
    const std::stop_token& stop) {
  const bool is_train = split == WorkSplit::kTrain;
  const SplitBlob blob{
      is_train ? manifest.train : manifest.validation,
      is_train ? manifest.train_count : manifest.validation_count};
  return GetDatasetBlob(blobs_, blob, manifest.shape, manifest.classes,
                        [&](int64_t offset_bytes, const BlobSink& sink) {
                          return client_.ReadSplit(id, split, offset_bytes,
                                                   sink, stop);
                        });
}

}  // namespace archpool
