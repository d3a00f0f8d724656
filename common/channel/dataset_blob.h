// SPDX-License-Identifier: Apache-2.0
// A dataset's split out of the blob cache, checked against what its manifest
// says of it.
#ifndef ARCHPOOL_COMMON_CHANNEL_DATASET_BLOB_H_
#define ARCHPOOL_COMMON_CHANNEL_DATASET_BLOB_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "common/channel/blob_cache.h"
#include "common/crypto/sha256.h"
#include "common/data/dataset.h"

namespace archpool {

// What a manifest says of one split.
struct SplitBlob {
  Digest digest;
  int64_t count = 0;
};

// Errors: BlobCache::Get's and DecodeDataset's; INVALID_ARGUMENT
// (DATASET_MISMATCH).
absl::StatusOr<Dataset> GetDatasetBlob(BlobCache& blobs, const SplitBlob& split,
                                       const TensorShape& shape,
                                       int64_t classes, const BlobReader& read);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_DATASET_BLOB_H_
