// SPDX-License-Identifier: Apache-2.0
// WorkClient over gRPC. Thread-safe.
#ifndef ARCHPOOL_WORKER_AGENT_GRPC_WORK_CLIENT_H_
#define ARCHPOOL_WORKER_AGENT_GRPC_WORK_CLIENT_H_

#include <atomic>
#include <memory>
#include <stop_token>
#include <string>

#include "archpool/v1/work.grpc.pb.h"
#include "common/channel/remote.h"
#include "common/crypto/signature.h"
#include "worker/agent/work_client.h"

namespace archpool {

// How a worker introduces itself.
struct WorkerIdentity {
  std::string name;
  int64_t threads = 1;
  std::string arithmetic;
  SigningKey key;  // signs its commitments
  // It takes no task that pays less: micro-coins for an hour of the reference
  // core.
  Amount price_min = 0;
  // Nor networks whose training takes more, program and data included; 0: any.
  int64_t memory_bytes = 0;
};

class GrpcWorkClient : public WorkClient {
 public:
  // `remote`, for calls, and `bulk`, for files, outlive this. `last_calls` cuts
  // off every call: a worker that stops waits for no server.
  GrpcWorkClient(const Remote& remote, const Remote& bulk,
                 WorkerIdentity identity, std::stop_token last_calls);

  // How much of its disk keeps checkpoints, from now on; 0: not said.
  void SetCheckpointsBytes(int64_t bytes) { checkpoints_bytes_ = bytes; }

  absl::StatusOr<OpenedSession> OpenSession() override;
  absl::StatusOr<AcquiredLease> AcquireLease(
      SessionId session, const std::vector<LeaseId>& holding,
      absl::Duration wait, const std::stop_token& stop) override;
  absl::StatusOr<HeartbeatReply> Heartbeat(
      SessionId session, const HeartbeatReport& report) override;
  absl::StatusOr<ReportReply> ReportTrial(
      SessionId session, const TrialCommitment& commitment,
      const wire::WorkLease* lease) override;
  absl::Status RevealSegment(TrialId trial, const Opening& opening) override;
  absl::Status UploadCheckpoint(TrialId trial, const UploadSource& file,
                                const std::stop_token& stop) override;
  absl::Status ReleaseLease(SessionId session, LeaseId lease, int64_t attempt,
                            const std::vector<TrialId>& impossible) override;
  absl::Status UploadWeights(TrialId trial, const UploadSource& weights,
                             const std::stop_token& stop) override;
  absl::Status ReadSplit(const Digest& dataset, WorkSplit split,
                         int64_t offset_bytes, const BlobSink& sink,
                         const std::stop_token& stop) override;
  absl::Status ReadWeights(TrialId trial, int64_t offset_bytes,
                           const BlobSink& sink,
                           const std::stop_token& stop) override;

 private:
  const Remote& remote_;
  const WorkerIdentity identity_;
  std::atomic<int64_t> checkpoints_bytes_ = 0;
  const std::stop_token last_calls_;
  std::unique_ptr<v1::WorkService::Stub> stub_;
  BlobClient blobs_;
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_GRPC_WORK_CLIENT_H_
