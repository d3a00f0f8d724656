// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/blob_service.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/wire/fields.h"
#include "server/core/state/answers.h"
#include "server/rpc/upload_requests.h"

namespace archpool::rpc {
namespace {

// The same whether the pool has them from somebody else or not.
absl::Status WeightsNotAskedFor(TrialId trial) {
  return FailedPrecondition(
      "WEIGHTS_NOT_ASKED_FOR",
      absl::StrCat(trial.ToString(),
                   " was not looked at by a verifier, so its weights stayed "
                   "with its miner; those of the task's front are here"));
}

}  // namespace

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
  // Before it looks whether the blob is here, until the core knows of it.
  const auto hold =
      std::make_shared<BlobHold>(parts_.blobs.Hold(target->digest));
  const absl::StatusOr<BlobStore> blobs = parts_.StoreFor(*target);
  if (!blobs.ok()) return call.finish(blobs.status());
  const absl::StatusOr<bool> is_whole = IsWhole(*blobs, *target, call.response);
  if (!is_whole.ok()) return call.finish(is_whole.status());
  if (!*is_whole) return call.finish(absl::OkStatus());
  // The bytes are here, though the core may not know yet: the server may have
  // stopped just before it said so.
  if (target->is_wanted) blobs->Renew(target->digest);
  ConfirmUpload(parts_, *target, call.caller.id,
                [hold, finish = call.finish](const absl::Status& confirmed) {
                  finish(confirmed);
                });
}

// Whether this owner has sent all of it; what others sent is not looked at. A
// sender whose last byte came just before the server was killed sends nothing
// more, so all that came is made a blob here.
absl::StatusOr<bool> BlobService::IsWhole(const BlobStore& blobs,
                                          const UploadTarget& target,
                                          v1::BeginUploadResponse* response) {
  ARCHPOOL_ASSIGN_OR_RETURN(const int64_t held,
                            blobs.PartialSize(target.owner, target.digest));
  response->set_offset_bytes(held);
  ARCHPOOL_ASSIGN_OR_RETURN(const bool has_sent,
                            blobs.HasSent(target.owner, target.digest));
  if (!has_sent && held < target.size_bytes) return false;
  // That it is here is no reason to keep what nobody wants.
  const absl::Status whole = target.is_wanted
                                 ? blobs.Complete(target.owner, target.digest)
                                 : absl::OkStatus();
  if (absl::IsInvalidArgument(whole)) {
    // Other bytes, which are dropped: it is sent again from its start.
    parts_.rules.End(target);
    response->set_offset_bytes(0);
    return false;
  }
  ARCHPOOL_RETURN_IF_ERROR(whole);
  if (held != target.size_bytes) {
    return InvalidArgument(
        "BLOB_DIGEST_MISMATCH",
        absl::StrCat("the blob of this digest has ", held, " bytes, not ",
                     target.size_bytes, "; announce its true size"));
  }
  return true;
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

// The same of one that there is, and of one that there is not.
absl::Status TrialUnknown(const Account& caller, TrialId id) {
  return NotFound(
      "TRIAL_UNKNOWN",
      absl::StrCat("there is no ", id.ToString(),
                   caller.role == Role::kVerifier
                       ? " that this account examines now"
                       : " whose weights are this account's business"));
}

absl::Status NotFor(const Account& caller, absl::string_view what) {
  return PermissionDenied(
      "PURPOSE_NOT_ALLOWED",
      absl::StrCat("a ", ToString(caller.role), " may not download ", what));
}

}  // namespace

absl::StatusOr<DownloadStream::Source> BlobService::SplitOf(
    const Account& caller, const v1::DownloadRequest::DatasetSplit& asked) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Digest id,
      wire::ReadDigest("dataset_split.dataset_id", asked.dataset_id()));
  if (asked.split() == v1::SPLIT_HELD_OUT && caller.role != Role::kVerifier) {
    return PermissionDenied("HELD_OUT_CLOSED",
                            "the held-out split is for verifiers alone");
  }
  // Both are asked whatever the first one says: who has no business with a
  // dataset waits no other time for one that there is.
  ARCHPOOL_ASSIGN_OR_RETURN(
      const AskToRead::Reply reason,
      parts_.engine.Call(AskToRead{.caller = caller.id, .dataset = id},
                         caller.id));
  const absl::StatusOr<DatasetRecord> dataset = reader_.GetDataset(id);
  if (!dataset.ok() && !absl::IsNotFound(dataset.status())) {
    return dataset.status();
  }
  const bool is_owner = dataset.ok() && dataset->owner == caller.id;
  if (!dataset.ok() || !(reason.may || is_owner)) {
    return NotFound("DATASET_UNKNOWN",
                    "there is no such dataset that this account may read now: "
                    "miners read one under a lease or an audit of a task on "
                    "it, verifiers while they examine a trial of one, clients "
                    "their own");
  }
  switch (asked.split()) {
    case v1::SPLIT_TRAIN:
      return DownloadStream::Source{parts_.blobs, dataset->manifest.train};
    case v1::SPLIT_VALIDATION:
      return DownloadStream::Source{parts_.blobs, dataset->manifest.validation};
    case v1::SPLIT_HELD_OUT:
      return DownloadStream::Source{parts_.blobs, dataset->held_out};
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
  ARCHPOOL_ASSIGN_OR_RETURN(
      const AskToRead::Reply reason,
      parts_.engine.Call(AskToRead{.caller = caller.id, .trial = trial},
                         caller.id));
  const absl::StatusOr<Audit> audit = reader_.GetOpenAudit(trial);
  if (!audit.ok() && !absl::IsNotFound(audit.status())) return audit.status();
  if (!audit.ok() || !reason.is_audited) return TrialUnknown(caller, trial);
  const CheckpointFiles& begin = audit->opening.begin;
  ARCHPOOL_ASSIGN_OR_RETURN(BlobStore blobs, parts_.checkpoints.Of(trial));
  return DownloadStream::Source{
      std::move(blobs), asked.is_optimizer() ? begin.optimizer : begin.weights};
}

absl::StatusOr<bool> BlobService::MaySeeWeights(
    const Account& caller, const absl::StatusOr<Trial>& trial, TrialId id) {
  switch (caller.role) {
    case Role::kMiner:
      // It continues from its own; another's are none of its business.
      return trial.ok() && trial->account == caller.id;
    case Role::kClient: {
      // Asked in any case: see SplitOf.
      const TaskId of = trial.ok() ? trial->task : TaskId{1};
      const absl::StatusOr<Task> task = reader_.GetTask(of);
      if (!task.ok() && !absl::IsNotFound(task.status())) return task.status();
      return trial.ok() && task.ok() && task->client == caller.id;
    }
    case Role::kVerifier: {
      ARCHPOOL_ASSIGN_OR_RETURN(
          const AskToRead::Reply reason,
          parts_.engine.Call(AskToRead{.caller = caller.id, .trial = id},
                             caller.id));
      return trial.ok() && reason.may;
    }
    case Role::kOperator:
      break;
  }
  return false;
}

absl::StatusOr<DownloadStream::Source> BlobService::WeightsOf(
    const Account& caller, TrialId id) {
  const absl::StatusOr<Trial> trial = reader_.GetTrial(id);
  if (!trial.ok() && !absl::IsNotFound(trial.status())) return trial.status();
  ARCHPOOL_ASSIGN_OR_RETURN(const bool may_see,
                            MaySeeWeights(caller, trial, id));
  if (!may_see) return TrialUnknown(caller, id);
  if (caller.role == Role::kClient && trial->state != TrialState::kAccepted) {
    return FailedPrecondition(
        "TRIAL_NOT_ACCEPTED",
        absl::StrCat(id.ToString(), " is ", ToString(trial->state),
                     "; the weights of accepted trials alone are given out"));
  }
  // By a commitment alone anybody could ask for whatever it names.
  if (caller.role == Role::kMiner && BasisOf(*trial) < TrialBasis::kAudited) {
    return FailedPrecondition(
        "TRIAL_NOT_AUDITED",
        absl::StrCat("a segment of ", id.ToString(),
                     " was not replayed, so its weights are not given back; "
                     "train the network from the start"));
  }
  if (!trial->commitment) {
    return FailedPrecondition(
        "TRIAL_NOT_COMMITTED",
        absl::StrCat(id.ToString(), " has no weights yet"));
  }
  return WeightsIn(caller, *trial);
}

// The miner of a trial that no verifier decided may not have been asked for its
// weights: what counts is that it sent them. A blob of the digest may be
// another's.
absl::StatusOr<DownloadStream::Source> BlobService::WeightsIn(
    const Account& caller, const Trial& trial) {
  const Digest& weights = trial.commitment->weights_digest;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const bool has_sent,
      parts_.blobs.HasSent(trial.account.ToString(), weights));
  if (caller.role == Role::kClient && BasisOf(trial) < TrialBasis::kAudited &&
      !has_sent && !parts_.blobs.IsOfNobody(weights)) {
    return WhyMissing(trial);
  }
  if (absl::IsNotFound(parts_.blobs.Size(weights).status())) {
    return WhyMissing(trial);
  }
  return DownloadStream::Source{parts_.blobs, weights};
}

absl::Status BlobService::WhyMissing(const Trial& trial) {
  ARCHPOOL_ASSIGN_OR_RETURN(const Task task, reader_.GetTask(trial.task));
  if (!WeightsWereHere(parts_.retention, task, trial, parts_.clock.Now())) {
    return WeightsNotAskedFor(trial.id);
  }
  if (!task.end_time) {
    return NotFound(
        "BLOB_UNKNOWN",
        absl::StrCat("the weights of ", trial.id.ToString(),
                     " are not here; they are sent once an audit asks for "
                     "them"));
  }
  return FailedPrecondition(
      "WEIGHTS_REMOVED",
      absl::StrCat("the weights of ", trial.id.ToString(),
                   " are no longer kept: its task ended at ",
                   absl::FormatTime(*task.end_time, absl::UTCTimeZone()),
                   ", and the pool keeps weights for a while alone; its "
                   "choices and its key still say how to train the same "
                   "network again"));
}

}  // namespace archpool::rpc
