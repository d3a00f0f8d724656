// SPDX-License-Identifier: Apache-2.0
// The streams of BlobService. Each owns itself, and handles one message at a
// time on the executor.
#ifndef ARCHPOOL_SERVER_RPC_BLOB_TRANSFER_H_
#define ARCHPOOL_SERVER_RPC_BLOB_TRANSFER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "archpool/v1/blob.pb.h"
#include "common/base/clock.h"
#include "grpcpp/grpcpp.h"
#include "server/core/rules/retention.h"
#include "server/engine/engine.h"
#include "server/engine/executor.h"
#include "server/intake/upload_rules.h"
#include "server/rpc/download_budget.h"
#include "server/storage/blob_store.h"
#include "server/storage/checkpoint_blobs.h"

namespace archpool::rpc {

// What transfers work with; all outlive them.
struct BlobParts {
  Engine& engine;
  Executor& executor;
  const BlobStore& blobs;
  const CheckpointBlobs& checkpoints;
  UploadRules& rules;
  // Whether the disk has room for what is new: UNAVAILABLE (STORAGE_RESERVED).
  const std::function<absl::Status()>& check_disk;
  const Clock& clock;  // the pool's
  const RetentionPolicy& retention;

  // Where an upload goes. UNAVAILABLE (BLOB_IO, STORAGE_FULL);
  // FAILED_PRECONDITION: nobody asks for it, and its owner has not sent it
  // (UPLOAD_NOT_WANTED; UPLOAD_TOO_LATE: its task has ended).
  absl::StatusOr<BlobStore> StoreFor(const UploadTarget& target) const;
  // Whether the account may store it, by what the core says of a dataset's
  // file; of what was asked for, it may. Waits for the engine.
  // RESOURCE_EXHAUSTED (STORAGE_QUOTA); UNAVAILABLE (STORAGE_RESERVED).
  absl::Status CheckRoomFor(const UploadTarget& target, AccountId caller) const;
};

// Tells the core that a file is durable. `done` is called once, on any thread.
void ConfirmUpload(const BlobParts& parts, const UploadTarget& target,
                   AccountId caller,
                   std::function<void(const absl::Status&)> done);

// Whether the token that began a transfer is still in force: asked again with
// each message. Thread-safe.
using StillIn = std::function<absl::Status()>;

class UploadStream : public grpc::ServerReadReactor<v1::UploadRequest> {
 public:
  static grpc::ServerReadReactor<v1::UploadRequest>* Start(
      const BlobParts& parts, const Account& caller, StillIn still_in,
      v1::UploadResponse* response);

  void OnReadDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  UploadStream(const BlobParts& parts, const Account& caller, StillIn still_in,
               v1::UploadResponse* response)
      : parts_(parts),
        caller_(caller),
        still_in_(std::move(still_in)),
        response_(response) {}

  // True: the blob is complete.
  absl::StatusOr<bool> Take();
  absl::Status Begin();
  absl::Status Open(const UploadTarget& target, int64_t offset_bytes);
  // The last byte has come.
  absl::Status Complete();
  void Confirm();
  // Tells the core that a trial's file is coming, where it did so for
  // `at_least`.
  void NoteProgress(absl::Duration at_least);

  const BlobParts parts_;
  const Account caller_;
  const StillIn still_in_;
  v1::UploadResponse* const response_;
  v1::UploadRequest message_;
  UploadWish wish_;
  // While it is looked for, and from the last byte until the core knows of it.
  std::optional<BlobHold> hold_;
  std::optional<UploadTarget> target_;
  std::optional<BlobStore> blobs_;
  int64_t held_bytes_ = 0;
  // Since the core last heard of it.
  std::chrono::steady_clock::time_point noted_time_ =
      std::chrono::steady_clock::now();
  int64_t unnoted_bytes_ = 0;
};

class DownloadStream : public grpc::ServerWriteReactor<v1::DownloadResponse> {
 public:
  struct Source {
    BlobStore blobs;
    Digest digest;
  };
  // Which blob; may block, and is asked on the executor.
  using Resolve = std::function<absl::StatusOr<Source>()>;

  // INVALID_ARGUMENT (BLOB_RANGE): `offset_bytes` lies outside the blob.
  // UNAVAILABLE (DOWNLOADS_BUSY). The executor and the budget outlive it.
  static grpc::ServerWriteReactor<v1::DownloadResponse>* Start(
      Executor& executor, DownloadBudget& budget, AccountId caller,
      int64_t offset_bytes, StillIn still_in, Resolve resolve);

  void OnWriteDone(bool ok) override;
  void OnDone() override;

 private:
  DownloadStream(Executor& executor, DownloadBudget& budget, AccountId caller,
                 int64_t offset_bytes, StillIn still_in, Resolve resolve)
      : executor_(executor),
        budget_(budget),
        caller_(caller),
        still_in_(std::move(still_in)),
        resolve_(std::move(resolve)),
        offset_bytes_(offset_bytes) {}

  void Next();
  absl::Status ReadChunk();
  void GiveChunkBack();

  Executor& executor_;
  DownloadBudget& budget_;
  const AccountId caller_;
  const StillIn still_in_;
  const Resolve resolve_;
  std::optional<Source> source_;  // from the first chunk on
  std::optional<BlobHold> hold_;  // likewise: it stays until it is sent
  int64_t offset_bytes_;
  int64_t size_bytes_ = 0;
  v1::DownloadResponse message_;
  int64_t chunk_bytes_ = 0;  // held of the budget
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_BLOB_TRANSFER_H_
