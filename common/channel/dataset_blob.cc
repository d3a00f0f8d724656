// SPDX-License-Identifier: Apache-2.0
#include "common/channel/dataset_blob.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace archpool {
namespace {

// More than the header of a dataset's blob ever takes.
constexpr int64_t kHeaderBytesMax = 4096;

}  // namespace

absl::StatusOr<Dataset> GetDatasetBlob(BlobCache& blobs, const SplitBlob& split,
                                       const TensorShape& shape,
                                       int64_t classes,
                                       const BlobReader& read) {
  const int64_t size_bytes_max =
      kHeaderBytesMax + split.count * (shape.elements() + 1);
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string blob,
                            blobs.Get(split.digest, size_bytes_max, read));
  ARCHPOOL_ASSIGN_OR_RETURN(Dataset dataset, DecodeDataset(blob));
  if (dataset.shape == shape && dataset.classes == classes &&
      dataset.count() == split.count) {
    return dataset;
  }
  return InvalidArgument(
      "DATASET_MISMATCH",
      absl::StrCat("split ", split.digest.ToString(),
                   " is not what the dataset's manifest says of it: report "
                   "this to the pool's operator"));
}

}  // namespace archpool
