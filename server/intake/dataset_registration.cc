// SPDX-License-Identifier: Apache-2.0
#include "server/intake/dataset_registration.h"

#include <string>

#include "common/base/status.h"
#include "common/crypto/canonical.h"
#include "common/data/dataset.h"
#include "common/data/idx.h"
#include "common/data/split.h"

namespace archpool {
namespace {

absl::StatusOr<Dataset> ReadPair(const BlobStore& blobs, const Digest& images,
                                 const Digest& labels, int64_t classes,
                                 const IdxNames& names) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string image_bytes,
                            blobs.ReadAll(images, kDatasetFileSizeMax));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string label_bytes,
                            blobs.ReadAll(labels, kDatasetFileSizeMax));
  return ParseIdx(image_bytes, label_bytes, classes,
                  {.file_bytes_max = kDatasetFileSizeMax,
                   .bytes_max = kDatasetInflatedSizeMax},
                  names);
}

Digest SplitSecret(const DatasetRequest& request, AccountId caller,
                   const Digest& pool_secret) {
  CanonicalWriter writer("archpool/split-secret/v1");
  writer.Int(caller.value)
      .Fixed(request.train_images)
      .Fixed(request.train_labels)
      .Fixed(request.held_out_images.value_or(Digest{}))
      .Fixed(request.held_out_labels.value_or(Digest{}))
      .Int(request.classes)
      .Int(request.validation_count)
      .Int(request.held_out_count);
  return HmacSha256(pool_secret, writer.encoding());
}

}  // namespace

absl::StatusOr<RegisterDataset> PrepareDataset(const BlobStore& blobs,
                                               const DatasetRequest& request,
                                               AccountId caller,
                                               const Digest& pool_secret) {
  if (request.held_out_images.has_value() !=
      request.held_out_labels.has_value()) {
    return InvalidArgument("SPLIT_RANGE",
                           "held-out images and held-out labels come together "
                           "or not at all");
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Dataset train,
      ReadPair(blobs, request.train_images, request.train_labels,
               request.classes,
               {.images = "train images", .labels = "train labels"}));
  std::optional<Dataset> held_out;
  if (request.held_out_images) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        held_out,
        ReadPair(blobs, *request.held_out_images, *request.held_out_labels,
                 request.classes,
                 {.images = "held-out images", .labels = "held-out labels"}));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      const DatasetSplit split,
      SplitDataset(train, held_out, request.validation_count,
                   request.held_out_count,
                   SplitSecret(request, caller, pool_secret)));
  for (const Dataset* part : {&split.train, &split.validation}) {
    ARCHPOOL_RETURN_IF_ERROR(blobs.Put(EncodeDataset(*part)).status());
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const Digest held_out_digest,
                            blobs.Put(EncodeDataset(split.held_out)));
  return RegisterDataset{.caller = caller,
                         .manifest = split.manifest,
                         .held_out = held_out_digest};
}

}  // namespace archpool
