// SPDX-License-Identifier: Apache-2.0
#include "common/channel/blob_client.h"

#include <algorithm>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/base/countdown.h"
#include "common/base/status.h"

namespace archpool {
namespace {

constexpr int64_t kChunkBytes = 512 << 10;
// Large blobs over slow lines: the server bounds what it holds, this only ends
// streams that hang.
constexpr absl::Duration kStreamDeadline = absl::Minutes(30);

// Drains `reader` into `sink`; the stream's error, or the sink's.
template <typename Reader>
absl::Status Drain(const Remote& remote, grpc::ClientContext& context,
                   Reader& reader, const BlobSink& sink) {
  absl::Status refused;
  v1::DownloadResponse chunk;
  while (reader.Read(&chunk)) {
    refused = sink(chunk.data(), chunk.size_bytes());
    if (refused.ok()) continue;
    context.TryCancel();
    break;
  }
  const grpc::Status status = reader.Finish();
  if (!refused.ok()) return refused;
  return remote.Finish(status);
}

absl::Status FileChanged(const std::string& path) {
  return FailedPrecondition(
      "FILE_CHANGED",
      absl::StrCat(path, " became shorter while it was sent: start again"));
}

}  // namespace

BlobClient::BlobClient(const Remote& remote) : remote_(remote) {}

absl::Status BlobClient::Read(const v1::DownloadRequest& request,
                              const BlobSink& sink,
                              const std::stop_token& stop) const {
  grpc::ClientContext context;
  remote_.Prepare(context, kStreamDeadline);
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  v1::BlobService::Stub stub(remote_.channel());
  const auto reader = stub.Download(&context, request);
  return Drain(remote_, context, *reader, sink);
}

absl::Status BlobClient::ReadSplit(const Digest& dataset_id, v1::Split split,
                                   int64_t offset_bytes, const BlobSink& sink,
                                   const std::stop_token& stop) const {
  v1::DownloadRequest request;
  request.mutable_dataset_split()->set_dataset_id(dataset_id.AsBytes());
  request.mutable_dataset_split()->set_split(split);
  request.set_offset_bytes(offset_bytes);
  return Read(request, sink, stop);
}

absl::Status BlobClient::ReadCheckpoint(int64_t trial_id, bool is_optimizer,
                                        int64_t offset_bytes,
                                        const BlobSink& sink,
                                        const std::stop_token& stop) const {
  v1::DownloadRequest request;
  request.mutable_trial_checkpoint()->set_trial_id(trial_id);
  request.mutable_trial_checkpoint()->set_is_optimizer(is_optimizer);
  request.set_offset_bytes(offset_bytes);
  return Read(request, sink, stop);
}

absl::Status BlobClient::ReadWeights(int64_t trial_id, int64_t offset_bytes,
                                     const BlobSink& sink,
                                     const std::stop_token& stop) const {
  v1::DownloadRequest request;
  request.mutable_trial_weights()->set_trial_id(trial_id);
  request.set_offset_bytes(offset_bytes);
  return Read(request, sink, stop);
}

absl::Status BlobClient::Upload(const UploadSource& source,
                                const v1::UploadPurpose& purpose,
                                const std::function<void(int64_t)>& progress,
                                const std::stop_token& stop) const {
  v1::BeginUploadRequest begin;
  begin.set_digest(source.digest.AsBytes());
  begin.set_size_bytes(source.size_bytes);
  *begin.mutable_purpose() = purpose;
  v1::BlobService::Stub stub(remote_.channel());
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::BeginUploadResponse where,
      remote_.Call(stub, &v1::BlobService::Stub::BeginUpload, begin,
                   {.stop = stop}));
  if (progress) progress(where.offset_bytes());
  if (where.offset_bytes() >= source.size_bytes) return absl::OkStatus();
  return SendFrom(source, begin, where.offset_bytes(), progress, stop);
}

absl::Status BlobClient::SendFrom(const UploadSource& source,
                                  const v1::BeginUploadRequest& begin,
                                  int64_t offset_bytes,
                                  const std::function<void(int64_t)>& progress,
                                  const std::stop_token& stop) const {
  std::ifstream file(source.path, std::ios::binary);
  if (!file.seekg(offset_bytes)) return FileChanged(source.path);
  grpc::ClientContext context;
  remote_.Prepare(context, kStreamDeadline);
  const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
  const Stopwatch watch;
  v1::UploadResponse response;
  v1::BlobService::Stub stub(remote_.channel());
  const auto writer = stub.Upload(&context, &response);
  v1::UploadRequest request;
  *request.mutable_begin()->mutable_upload() = begin;
  request.mutable_begin()->set_offset_bytes(offset_bytes);
  int64_t sent_bytes = offset_bytes;
  // A failed write: Finish below knows why.
  bool is_heard = writer->Write(request);
  while (is_heard && sent_bytes < source.size_bytes) {
    const int64_t count = std::min(kChunkBytes, source.size_bytes - sent_bytes);
    request.mutable_data()->resize(static_cast<size_t>(count));
    if (!file.read(request.mutable_data()->data(), count)) {
      context.TryCancel();
      writer->Finish();
      return FileChanged(source.path);
    }
    is_heard = writer->Write(request);
    if (!is_heard) break;
    sent_bytes += count;
    if (progress) progress(sent_bytes);
  }
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  if (status.ok()) uploads_.Add(sent_bytes - offset_bytes, watch.elapsed());
  absl::Status ended = remote_.Finish(status);
  if (GetReason(ended) != "BLOB_OFFSET") return ended;
  // Since it was asked, bytes arrived of a stream that was cut off before this
  // one, or a part went that was too old. Neither is the file's fault.
  return MakeError(absl::StatusCode::kAborted, "BLOB_OFFSET", ended.message());
}

}  // namespace archpool
