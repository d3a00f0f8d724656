// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/upload_rules.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/data/dataset_format.h"
#include "common/wire/fields.h"
#include "common/wire/request_limits.h"
#include "common/wire/work_wire.h"

namespace archpool::rpc {
namespace {

absl::Status CheckRole(const Account& caller, Role needed,
                       absl::string_view purpose) {
  if (caller.role == needed) return absl::OkStatus();
  return PermissionDenied(
      "PURPOSE_NOT_ALLOWED",
      absl::StrCat("a ", ToString(caller.role), " may not upload ", purpose,
                   "; use the token of a ", ToString(needed)));
}

}  // namespace

absl::StatusOr<UploadTarget> UploadRules::Check(
    const Account& caller, const v1::BeginUploadRequest& request) {
  UploadTarget target{.owner = caller.id.ToString()};
  ARCHPOOL_ASSIGN_OR_RETURN(target.digest,
                            wire::ReadDigest("digest", request.digest()));
  target.size_bytes = request.size_bytes();
  switch (request.purpose().purpose_case()) {
    case v1::UploadPurpose::kDatasetFile:
      ARCHPOOL_RETURN_IF_ERROR(
          CheckRole(caller, Role::kClient, "dataset files"));
      ARCHPOOL_RETURN_IF_ERROR(wire::CheckRange(
          "size_bytes", request.size_bytes(), {1, kDatasetFileSizeMax}));
      return target;
    case v1::UploadPurpose::kTrialWeights:
      ARCHPOOL_RETURN_IF_ERROR(CheckRole(caller, Role::kMiner, "weights"));
      ARCHPOOL_RETURN_IF_ERROR(wire::CheckRange(
          "size_bytes", request.size_bytes(), limits::kWeightsSizeBytes));
      return CheckWeights(caller, request, std::move(target));
    case v1::UploadPurpose::kTrialCheckpoint:
      ARCHPOOL_RETURN_IF_ERROR(CheckRole(caller, Role::kMiner, "checkpoints"));
      ARCHPOOL_RETURN_IF_ERROR(wire::CheckRange(
          "size_bytes", request.size_bytes(), limits::kWeightsSizeBytes));
      return CheckCheckpoint(caller, request, std::move(target));
    case v1::UploadPurpose::PURPOSE_NOT_SET:
      break;
  }
  return wire::RequiredError("purpose");
}

absl::StatusOr<Trial> UploadRules::OwnTrial(const Account& caller, TrialId id) {
  absl::StatusOr<Trial> trial = reader_.GetTrial(id);
  const bool is_anothers = trial.ok() && trial->account != caller.id;
  if (!is_anothers && !absl::IsNotFound(trial.status())) return trial;
  return NotFound("TRIAL_UNKNOWN", absl::StrCat(id.ToString(),
                                                " is no trial of this "
                                                "account"));
}

absl::StatusOr<UploadTarget> UploadRules::CheckWeights(
    const Account& caller, const v1::BeginUploadRequest& request,
    UploadTarget target) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      target.trial,
      wire::ReadId<TrialId>("purpose.trial_weights.trial_id",
                            request.purpose().trial_weights().trial_id()));
  const absl::StatusOr<Trial> trial = OwnTrial(caller, target.trial);
  if (!trial.ok()) return trial.status();
  switch (trial->state) {
    case TrialState::kAssigned:
    case TrialState::kAbandoned:
      return FailedPrecondition(
          "TRIAL_NOT_COMMITTED",
          absl::StrCat(target.trial.ToString(), " is ", ToString(trial->state),
                       "; report it before sending its weights"));
    case TrialState::kRejected:
      return FailedPrecondition(
          "UPLOAD_TOO_LATE",
          absl::StrCat(target.trial.ToString(), " is rejected (", trial->reason,
                       "); its weights are not wanted"));
    case TrialState::kCommitted:
    case TrialState::kUploaded:
    case TrialState::kAccepted:
      break;
  }
  const Commitment& commitment = CommitmentOf(*trial);
  if (commitment.weights_digest == target.digest &&
      commitment.weights_size_bytes == target.size_bytes) {
    return target;
  }
  return FailedPrecondition(
      "WEIGHTS_NOT_ANNOUNCED",
      absl::StrCat("the commitment of ", target.trial.ToString(), " binds ",
                   commitment.weights_size_bytes, " bytes with the digest ",
                   commitment.weights_digest.ToString(), "; send those"));
}

absl::StatusOr<UploadTarget> UploadRules::CheckCheckpoint(
    const Account& caller, const v1::BeginUploadRequest& request,
    UploadTarget target) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      target.trial,
      wire::ReadId<TrialId>("purpose.trial_checkpoint.trial_id",
                            request.purpose().trial_checkpoint().trial_id()));
  ARCHPOOL_RETURN_IF_ERROR(OwnTrial(caller, target.trial).status());
  const absl::StatusOr<Audit> audit = reader_.GetOpenAudit(target.trial);
  if (!audit.ok() && !absl::IsNotFound(audit.status())) return audit.status();
  const auto is = [&](const Digest& digest, int64_t size_bytes) {
    return target.digest == digest && target.size_bytes == size_bytes;
  };
  const CheckpointFiles& begin =
      audit.ok() ? audit->opening.begin : CheckpointFiles();
  if (is(begin.weights, begin.weights_size_bytes) ||
      is(begin.optimizer, begin.optimizer_size_bytes)) {
    target.is_checkpoint = true;
    return target;
  }
  return FailedPrecondition(
      "UPLOAD_NOT_WANTED",
      absl::StrCat("no open audit of ", target.trial.ToString(),
                   " asks for this file; open the segment first"));
}

absl::Status UploadRules::Charge(const UploadTarget& target, int64_t bytes) {
  if (target.trial.IsSet()) return absl::OkStatus();
  const absl::Time now = clock_.Now();
  absl::MutexLock lock(&mutex_);
  if (now - day_start_ > absl::Hours(24)) {
    day_start_ = now;
    charged_.clear();
  }
  int64_t& charged = charged_[target.owner];
  if (charged + bytes > kDatasetBytesPerDayMax) {
    return ResourceExhausted(
        "UPLOAD_QUOTA", absl::StrCat("the account has sent ", charged,
                                     " bytes of dataset files in a day, and ",
                                     kDatasetBytesPerDayMax,
                                     " are allowed; continue tomorrow"));
  }
  charged += bytes;
  return absl::OkStatus();
}

}  // namespace archpool::rpc
