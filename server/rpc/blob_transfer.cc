// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/blob_transfer.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/wire/fields.h"
#include "common/wire/request_limits.h"
#include "common/wire/status_wire.h"
#include "server/rpc/call.h"
#include "server/rpc/upload_requests.h"

namespace archpool::rpc {
namespace {

// Less than any term for an answer, and seldom enough for the engine. What a
// short upload takes is noted at its end.
constexpr absl::Duration kNoteInterval = absl::Seconds(5);
constexpr absl::Duration kNoteMin = absl::Seconds(1);

}  // namespace

absl::StatusOr<BlobStore> BlobParts::StoreFor(
    const UploadTarget& target) const {
  if (target.is_checkpoint) return checkpoints.Of(target.trial);
  if (target.is_wanted) return blobs;
  ARCHPOOL_ASSIGN_OR_RETURN(const bool has_sent,
                            blobs.HasSent(target.owner, target.digest));
  if (!has_sent && target.is_over) {
    return FailedPrecondition(
        "UPLOAD_TOO_LATE",
        absl::StrCat("the task of ", target.trial.ToString(),
                     " has ended, and its weights are not wanted any more; "
                     "drop them"));
  }
  if (!has_sent) {
    return FailedPrecondition(
        "UPLOAD_NOT_WANTED",
        absl::StrCat("no open audit of ", target.trial.ToString(),
                     " asks for its weights; keep them until one does"));
  }
  return blobs;
}

absl::Status BlobParts::CheckRoomFor(const UploadTarget& target,
                                     AccountId caller) const {
  if (target.trial.IsSet()) return absl::OkStatus();
  ARCHPOOL_RETURN_IF_ERROR(check_disk());
  return engine
      .Call(AskForRoom{.caller = caller,
                       .file = target.digest,
                       .bytes = CountedBytes(target.size_bytes) +
                                rules.UnderWayBeside(target)},
            caller)
      .status();
}

namespace {

void ConfirmDatasetFile(const BlobParts& parts, const UploadTarget& target,
                        AccountId caller,
                        std::function<void(const absl::Status&)> done) {
  parts.engine.Submit<ConfirmFile>(
      {.caller = caller,
       .digest = target.digest,
       .size_bytes = target.size_bytes},
      [&rules = parts.rules, target, done = std::move(done)](
          const absl::StatusOr<ConfirmFile::Reply>& counted) {
        // What is not counted is still under way: its sender asks again.
        if (counted.ok()) rules.End(target);
        done(counted.status());
      },
      caller);
}

}  // namespace

void ConfirmUpload(const BlobParts& parts, const UploadTarget& target,
                   AccountId caller,
                   std::function<void(const absl::Status&)> done) {
  if (!target.trial.IsSet()) {
    return ConfirmDatasetFile(parts, target, caller, std::move(done));
  }
  // The core has no such trial any more, and has counted the file.
  if (target.is_over) return done(absl::OkStatus());
  parts.engine.Submit<archpool::ConfirmUpload>(
      {.caller = caller,
       .trial = target.trial,
       .digest = target.digest,
       .is_checkpoint = target.is_checkpoint},
      [done = std::move(done)](const absl::StatusOr<TrialState>& state) {
        done(state.status());
      },
      caller);
}

grpc::ServerReadReactor<v1::UploadRequest>* UploadStream::Start(
    const BlobParts& parts, const Account& caller, StillIn still_in,
    v1::UploadResponse* response) {
  auto* stream = new UploadStream(parts, caller, std::move(still_in), response);
  stream->StartRead(&stream->message_);
  return stream;
}

void UploadStream::OnReadDone(bool ok) {
  if (!ok) {
    // The sender stops in between: it learns how far it came.
    response_->set_size_bytes(held_bytes_);
    return Finish(grpc::Status::OK);
  }
  const absl::Status taken = parts_.executor.Run([this] {
    const absl::StatusOr<bool> complete = Take();
    if (!complete.ok()) return Finish(wire::ToGrpc(complete.status()));
    if (*complete) return Confirm();
    StartRead(&message_);
  });
  if (!taken.ok()) Finish(wire::ToGrpc(taken));
}

absl::Status UploadStream::Begin() {
  if (!message_.has_begin()) return wire::RequiredError("begin");
  const v1::UploadRequest::Begin& begin = message_.begin();
  ARCHPOOL_ASSIGN_OR_RETURN(wish_, ReadUpload(caller_, begin.upload()));
  ARCHPOOL_ASSIGN_OR_RETURN(UploadTarget target,
                            parts_.rules.Check(caller_, wish_));
  // Before it asks: of two that begin at once each hears of the other.
  const int64_t earlier = parts_.rules.Begin(target);
  const absl::Status opened = Open(target, begin.offset_bytes());
  if (!opened.ok()) {
    parts_.rules.Withdraw(target, earlier);
    return opened;
  }
  target_ = std::move(target);
  return absl::OkStatus();
}

absl::Status UploadStream::Open(const UploadTarget& target,
                                int64_t offset_bytes) {
  ARCHPOOL_RETURN_IF_ERROR(parts_.CheckRoomFor(target, caller_.id));
  // Before it looks whether the blob is here: what it finds stays.
  hold_.emplace(parts_.blobs.Hold(target.digest));
  ARCHPOOL_ASSIGN_OR_RETURN(BlobStore blobs, parts_.StoreFor(target));
  ARCHPOOL_ASSIGN_OR_RETURN(held_bytes_,
                            blobs.PartialSize(target.owner, target.digest));
  if (offset_bytes != held_bytes_) {
    return FailedPrecondition(
        "BLOB_OFFSET",
        absl::StrCat("the pool holds ", held_bytes_,
                     " bytes of this blob; continue there, not at ",
                     offset_bytes));
  }
  blobs_ = std::move(blobs);
  return absl::OkStatus();
}

absl::StatusOr<bool> UploadStream::Take() {
  ARCHPOOL_RETURN_IF_ERROR(still_in_());
  if (!target_) {
    ARCHPOOL_RETURN_IF_ERROR(Begin());
  } else if (!message_.has_data()) {
    return InvalidArgument("FIELD_MALFORMED",
                           "field data is unset in a later message; only the "
                           "first one is without it");
  }
  const std::string& data = message_.data();
  const auto size = static_cast<int64_t>(data.size());
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckRange("data.size", size, {0, limits::kChunkSizeBytesMax}));
  if (held_bytes_ + size > target_->size_bytes) {
    return InvalidArgument(
        "UPLOAD_TOO_LONG",
        absl::StrCat("the blob was announced with ", target_->size_bytes,
                     " bytes, and ", held_bytes_ + size, " came"));
  }
  if (size > 0) {
    ARCHPOOL_RETURN_IF_ERROR(parts_.rules.Charge(*target_, size));
    ARCHPOOL_RETURN_IF_ERROR(
        blobs_->Append(target_->owner, target_->digest, held_bytes_, data));
    held_bytes_ += size;
    unnoted_bytes_ += size;
  }
  const bool is_whole = held_bytes_ >= target_->size_bytes;
  NoteProgress(is_whole ? kNoteMin : kNoteInterval);
  if (!is_whole) {
    // Nothing hangs on the blob before its last byte: who sends none keeps
    // nobody from removing it.
    hold_.reset();
    return false;
  }
  ARCHPOOL_RETURN_IF_ERROR(Complete());
  return true;
}

absl::Status UploadStream::Complete() {
  if (!hold_) hold_.emplace(parts_.blobs.Hold(target_->digest));
  // A sender may take its time: what was wanted when it began may not be now.
  ARCHPOOL_ASSIGN_OR_RETURN(target_, parts_.rules.Check(caller_, wish_));
  if (!target_->is_wanted) return parts_.StoreFor(*target_).status();
  const absl::Status whole = blobs_->Complete(target_->owner, target_->digest);
  // What was sent is dropped: it takes no room.
  if (absl::IsInvalidArgument(whole)) parts_.rules.End(*target_);
  return whole;
}

void UploadStream::NoteProgress(absl::Duration at_least) {
  if (!target_->trial.IsSet()) return;
  const auto now = std::chrono::steady_clock::now();
  const absl::Duration within = absl::FromChrono(now - noted_time_);
  if (within < at_least || unnoted_bytes_ == 0) return;
  parts_.engine.Submit<NoteUpload>(
      {.caller = caller_.id,
       .trial = target_->trial,
       .bytes = std::exchange(unnoted_bytes_, 0),
       .within = within},
      [](const absl::StatusOr<NoteUpload::Reply>&) {}, caller_.id);
  noted_time_ = now;
}

void UploadStream::Confirm() {
  ConfirmUpload(parts_, *target_, caller_.id,
                [this](const absl::Status& status) {
                  response_->set_size_bytes(held_bytes_);
                  Finish(wire::ToGrpc(status));
                });
}

grpc::ServerWriteReactor<v1::DownloadResponse>* DownloadStream::Start(
    Executor& executor, DownloadBudget& budget, AccountId caller,
    int64_t offset_bytes, StillIn still_in, Resolve resolve) {
  if (const absl::Status opened = budget.Open(caller); !opened.ok()) {
    return new RefusedWrites<v1::DownloadResponse>(opened);
  }
  auto* stream = new DownloadStream(executor, budget, caller, offset_bytes,
                                    std::move(still_in), std::move(resolve));
  stream->Next();
  return stream;
}

void DownloadStream::Next() {
  const absl::Status taken = executor_.Run([this] {
    const absl::Status read = ReadChunk();
    if (!read.ok()) return Finish(wire::ToGrpc(read));
    StartWrite(&message_);
  });
  if (!taken.ok()) Finish(wire::ToGrpc(taken));
}

absl::Status DownloadStream::ReadChunk() {
  ARCHPOOL_RETURN_IF_ERROR(still_in_());
  if (!source_) {
    ARCHPOOL_ASSIGN_OR_RETURN(Source source, resolve_());
    hold_.emplace(source.blobs.Hold(source.digest));
    ARCHPOOL_ASSIGN_OR_RETURN(size_bytes_, source.blobs.Size(source.digest));
    source_ = std::move(source);
  }
  chunk_bytes_ = budget_.TakeChunk(caller_);
  ARCHPOOL_ASSIGN_OR_RETURN(
      std::string data,
      source_->blobs.Read(source_->digest, offset_bytes_, chunk_bytes_));
  offset_bytes_ += static_cast<int64_t>(data.size());
  message_.set_size_bytes(size_bytes_);
  message_.set_data(std::move(data));
  return absl::OkStatus();
}

void DownloadStream::GiveChunkBack() {
  if (chunk_bytes_ > 0)
    budget_.GiveBack(caller_, std::exchange(chunk_bytes_, 0));
}

void DownloadStream::OnDone() {
  GiveChunkBack();
  budget_.Close(caller_);
  delete this;
}

void DownloadStream::OnWriteDone(bool ok) {
  // It waits for the executor with nothing in memory.
  message_ = v1::DownloadResponse();
  GiveChunkBack();
  if (!ok) return Finish(grpc::Status::CANCELLED);
  if (offset_bytes_ >= size_bytes_) return Finish(grpc::Status::OK);
  Next();
}

}  // namespace archpool::rpc
