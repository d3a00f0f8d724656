// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/blob_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/wire/fields.h"
#include "server/rpc/upload_requests.h"

namespace archpool::rpc {

grpc::ServerUnaryReactor* BlobService::BeginUpload(
    grpc::CallbackServerContext* context, const v1::BeginUploadRequest* request,
    v1::BeginUploadResponse* response) {
  return Serve(gate_, context, "/archpool.v1.BlobService/BeginUpload", request,
               response, [this](const BeginCall& call) {
                 const absl::Status taken =
                     parts_.executor.Run([this, call] { Begin(call); });
                 if (!taken.ok()) call.finish(taken);
               });
}

void BlobService::Begin(const BeginCall& call) {
  const absl::StatusOr<UploadWish> wish =
      ReadUpload(call.caller, *call.request);
  if (!wish.ok()) return call.finish(wish.status());
  const absl::StatusOr<UploadTarget> target =
      parts_.rules.Check(call.caller, *wish);
  if (!target.ok()) return call.finish(target.status());
  const absl::Status room = parts_.CheckRoomFor(*target, call.caller.id);
  if (!room.ok()) return call.finish(room);
  const absl::StatusOr<BlobStore> blobs = parts_.StoreFor(*target);
  if (!blobs.ok()) return call.finish(blobs.status());
  const absl::StatusOr<int64_t> held = HeldOf(*blobs, *target);
  if (!held.ok()) return call.finish(held.status());
  call.response->set_offset_bytes(*held);
  if (!blobs->Size(target->digest).ok()) {
    return call.finish(absl::OkStatus());
  }
  if (*held != target->size_bytes) {
    return call.finish(InvalidArgument(
        "BLOB_DIGEST_MISMATCH",
        absl::StrCat("the blob of this digest has ", *held, " bytes, not ",
                     target->size_bytes, "; announce its true size")));
  }
  // The bytes are here, though the core may not know yet: the server may have
  // stopped just before it said so.
  ConfirmUpload(parts_, *target, call.caller.id, call.finish);
}

// A sender whose last byte came just before the server was killed sends nothing
// more, so all that came is made a blob here.
absl::StatusOr<int64_t> BlobService::HeldOf(const BlobStore& blobs,
                                            const UploadTarget& target) {
  ARCHPOOL_ASSIGN_OR_RETURN(const int64_t held,
                            blobs.PartialSize(target.owner, target.digest));
  if (held < target.size_bytes || blobs.Size(target.digest).ok()) return held;
  const absl::Status whole = blobs.Complete(target.owner, target.digest);
  if (!absl::IsInvalidArgument(whole)) {
    ARCHPOOL_RETURN_IF_ERROR(whole);
    return held;
  }
  // Other bytes, which are dropped: it is sent again from its start.
  parts_.rules.End(target);
  return 0;
}

grpc::ServerReadReactor<v1::UploadRequest>* BlobService::Upload(
    grpc::CallbackServerContext* context, v1::UploadResponse* response) {
  const absl::StatusOr<KnownCaller> caller =
      gate_.Admit(*context, "/archpool.v1.BlobService/Upload");
  if (!caller.ok()) {
    return new RefusedReads<v1::UploadRequest>(caller.status());
  }
  return UploadStream::Start(parts_, caller->account,
                             gate_.StillIn(caller->token), response);
}

grpc::ServerWriteReactor<v1::DownloadResponse>* BlobService::Download(
    grpc::CallbackServerContext* context, const v1::DownloadRequest* request) {
  const absl::StatusOr<KnownCaller> caller =
      gate_.Admit(*context, "/archpool.v1.BlobService/Download");
  if (!caller.ok()) {
    return new RefusedWrites<v1::DownloadResponse>(caller.status());
  }
  return DownloadStream::Start(
      parts_.executor, downloads_, caller->account.id, request->offset_bytes(),
      gate_.StillIn(caller->token),
      [this, caller = caller->account, request = *request] {
        return SourceOf(caller, request);
      });
}

absl::StatusOr<DownloadStream::Source> BlobService::SourceOf(
    const Account& caller, const v1::DownloadRequest& request) {
  switch (request.blob_case()) {
    case v1::DownloadRequest::kDatasetSplit:
      return SplitOf(caller, request.dataset_split());
    case v1::DownloadRequest::kTrialWeights: {
      ARCHPOOL_ASSIGN_OR_RETURN(
          const TrialId id,
          wire::ReadId<TrialId>("trial_weights.trial_id",
                                request.trial_weights().trial_id()));
      return WeightsOf(caller, id);
    }
    case v1::DownloadRequest::kTrialCheckpoint:
      return CheckpointOf(caller, request.trial_checkpoint());
    case v1::DownloadRequest::BLOB_NOT_SET:
      break;
  }
  return wire::RequiredError("blob");
}

namespace {

absl::Status NotFor(const Account& caller, absl::string_view what) {
  return PermissionDenied(
      "PURPOSE_NOT_ALLOWED",
      absl::StrCat("a ", ToString(caller.role), " may not download ", what));
}

}  // namespace

absl::StatusOr<DownloadStream::Source> BlobService::SplitOf(
    const Account& caller, const v1::DownloadRequest::DatasetSplit& asked) {
  if (caller.role == Role::kClient) return NotFor(caller, "splits");
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Digest id,
      wire::ReadDigest("dataset_split.dataset_id", asked.dataset_id()));
  if (asked.split() == v1::SPLIT_HELD_OUT && caller.role != Role::kVerifier) {
    return PermissionDenied("HELD_OUT_CLOSED",
                            "the held-out split is for verifiers alone");
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const DatasetRecord dataset,
                            reader_.GetDataset(id));
  switch (asked.split()) {
    case v1::SPLIT_TRAIN:
      return DownloadStream::Source{parts_.blobs, dataset.manifest.train};
    case v1::SPLIT_VALIDATION:
      return DownloadStream::Source{parts_.blobs, dataset.manifest.validation};
    case v1::SPLIT_HELD_OUT:
      return DownloadStream::Source{parts_.blobs, dataset.held_out};
    default:
      return wire::RequiredError("dataset_split.split");
  }
}

absl::StatusOr<DownloadStream::Source> BlobService::CheckpointOf(
    const Account& caller, const v1::DownloadRequest::TrialCheckpoint& asked) {
  if (caller.role != Role::kVerifier) return NotFor(caller, "checkpoints");
  ARCHPOOL_ASSIGN_OR_RETURN(
      const TrialId trial,
      wire::ReadId<TrialId>("trial_checkpoint.trial_id", asked.trial_id()));
  ARCHPOOL_ASSIGN_OR_RETURN(const Audit audit, reader_.GetOpenAudit(trial));
  const CheckpointFiles& begin = audit.opening.begin;
  ARCHPOOL_ASSIGN_OR_RETURN(BlobStore blobs, parts_.checkpoints.Of(trial));
  return DownloadStream::Source{
      std::move(blobs), asked.is_optimizer() ? begin.optimizer : begin.weights};
}

absl::StatusOr<DownloadStream::Source> BlobService::WeightsOf(
    const Account& caller, TrialId id) {
  ARCHPOOL_ASSIGN_OR_RETURN(const Trial trial, reader_.GetTrial(id));
  if (caller.role == Role::kClient) {
    ARCHPOOL_ASSIGN_OR_RETURN(const Task task, reader_.GetTask(trial.task));
    if (task.client != caller.id) {
      return NotFound("TRIAL_UNKNOWN",
                      absl::StrCat("there is no ", id.ToString(),
                                   " in a task of this account"));
    }
    if (trial.state != TrialState::kAccepted) {
      return FailedPrecondition(
          "TRIAL_NOT_ACCEPTED",
          absl::StrCat(id.ToString(), " is ", ToString(trial.state),
                       "; the weights of accepted trials alone are given "
                       "out"));
    }
  }
  // A miner continues from its own; another's are none of its business.
  if (caller.role == Role::kMiner && trial.account != caller.id) {
    return NotFound("TRIAL_UNKNOWN", absl::StrCat("there is no ", id.ToString(),
                                                  " of this account"));
  }
  // By a commitment alone anybody could ask for whatever it names.
  if (caller.role == Role::kMiner && BasisOf(trial) < TrialBasis::kAudited) {
    return FailedPrecondition(
        "TRIAL_NOT_AUDITED",
        absl::StrCat("a segment of ", id.ToString(),
                     " was not replayed, so its weights are not given back; "
                     "train the network from the start"));
  }
  if (!trial.commitment) {
    return FailedPrecondition(
        "TRIAL_NOT_COMMITTED",
        absl::StrCat(id.ToString(), " has no weights yet"));
  }
  const Digest& weights = trial.commitment->weights_digest;
  if (BasisOf(trial) == TrialBasis::kSampledOut &&
      !parts_.blobs.Size(weights).ok()) {
    return FailedPrecondition(
        "WEIGHTS_NOT_ASKED_FOR",
        absl::StrCat(id.ToString(),
                     " was not drawn for an audit, so its weights stayed with "
                     "its miner; those of the task's front are here"));
  }
  return DownloadStream::Source{parts_.blobs, weights};
}

}  // namespace archpool::rpc
