// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/upload_requests.h"

#include "common/base/status.h"
#include "common/data/dataset_file.h"
#include "common/wire/fields.h"
#include "common/wire/request_limits.h"

namespace archpool::rpc {
namespace {

using Kind = UploadWish::Kind;

absl::StatusOr<Kind> KindOf(const v1::UploadPurpose& purpose) {
  switch (purpose.purpose_case()) {
    case v1::UploadPurpose::kDatasetFile:
      return Kind::kDatasetFile;
    case v1::UploadPurpose::kTrialWeights:
      return Kind::kTrialWeights;
    case v1::UploadPurpose::kTrialCheckpoint:
      return Kind::kTrialCheckpoint;
    case v1::UploadPurpose::PURPOSE_NOT_SET:
      break;
  }
  return wire::RequiredError("purpose");
}

}  // namespace

absl::StatusOr<UploadWish> ReadUpload(const Account& caller,
                                      const v1::BeginUploadRequest& request) {
  UploadWish wish{.size_bytes = request.size_bytes()};
  ARCHPOOL_ASSIGN_OR_RETURN(wish.digest,
                            wire::ReadDigest("digest", request.digest()));
  ARCHPOOL_ASSIGN_OR_RETURN(wish.kind, KindOf(request.purpose()));
  ARCHPOOL_RETURN_IF_ERROR(CheckMayUpload(caller, wish.kind));
  constexpr Range<int64_t> kFileSizeBytes{1, kDatasetFileSizeMax};
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckRange("size_bytes", request.size_bytes(),
                                            wish.kind == Kind::kDatasetFile
                                                ? kFileSizeBytes
                                                : limits::kWeightsSizeBytes));
  if (wish.kind == Kind::kTrialWeights) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        wish.trial,
        wire::ReadId<TrialId>("purpose.trial_weights.trial_id",
                              request.purpose().trial_weights().trial_id()));
  } else if (wish.kind == Kind::kTrialCheckpoint) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        wish.trial,
        wire::ReadId<TrialId>("purpose.trial_checkpoint.trial_id",
                              request.purpose().trial_checkpoint().trial_id()));
  }
  return wish;
}

}  // namespace archpool::rpc
