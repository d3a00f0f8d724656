// SPDX-License-Identifier: Apache-2.0
// Big bytes on the wire: who may send and read which. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_BLOB_SERVICE_H_
#define ARCHPOOL_SERVER_RPC_BLOB_SERVICE_H_

#include "archpool/v1/blob.grpc.pb.h"
#include "server/rpc/blob_transfer.h"
#include "server/rpc/call.h"
#include "server/storage/store.h"

namespace archpool::rpc {

class BlobService : public v1::BlobService::CallbackService {
 public:
  // All outlive the service.
  BlobService(const Gate& gate, Reader& reader, const BlobParts& parts)
      : gate_(gate), reader_(reader), parts_(parts) {}

  grpc::ServerUnaryReactor* BeginUpload(
      grpc::CallbackServerContext* context,
      const v1::BeginUploadRequest* request,
      v1::BeginUploadResponse* response) override;
  grpc::ServerReadReactor<v1::UploadRequest>* Upload(
      grpc::CallbackServerContext* context,
      v1::UploadResponse* response) override;
  grpc::ServerWriteReactor<v1::DownloadResponse>* Download(
      grpc::CallbackServerContext* context,
      const v1::DownloadRequest* request) override;

 private:
  using BeginCall = UnaryCall<v1::BeginUploadRequest, v1::BeginUploadResponse>;

  void Begin(const BeginCall& call);
  // Says in `response` how much of it is here.
  absl::StatusOr<bool> IsWhole(const BlobStore& blobs,
                               const UploadTarget& target,
                               v1::BeginUploadResponse* response);
  absl::StatusOr<DownloadStream::Source> SourceOf(
      const Account& caller, const v1::DownloadRequest& request);
  absl::StatusOr<DownloadStream::Source> SplitOf(
      const Account& caller, const v1::DownloadRequest::DatasetSplit& asked);
  absl::StatusOr<DownloadStream::Source> WeightsOf(const Account& caller,
                                                   TrialId id);
  // `trial` is what the store has under that id.
  absl::StatusOr<bool> MaySeeWeights(const Account& caller,
                                     const absl::StatusOr<Trial>& trial,
                                     TrialId id);
  // REQUIRES: it was committed.
  absl::StatusOr<DownloadStream::Source> WeightsIn(const Account& caller,
                                                   const Trial& trial);
  // Why the weights of a trial that was committed are not here.
  absl::Status WhyMissing(const Trial& trial);
  absl::StatusOr<DownloadStream::Source> CheckpointOf(
      const Account& caller, const v1::DownloadRequest::TrialCheckpoint& asked);

  const Gate& gate_;
  Reader& reader_;
  const BlobParts parts_;
  DownloadBudget downloads_{DownloadLimits()};
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_BLOB_SERVICE_H_
