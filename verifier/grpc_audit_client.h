// SPDX-License-Identifier: Apache-2.0
// AuditClient over gRPC. Thread-safe.
#ifndef ARCHPOOL_VERIFIER_GRPC_AUDIT_CLIENT_H_
#define ARCHPOOL_VERIFIER_GRPC_AUDIT_CLIENT_H_

#include <atomic>
#include <stop_token>
#include <string>
#include <vector>

#include "archpool/v1/verification.grpc.pb.h"
#include "common/channel/blob_client.h"
#include "common/channel/remote.h"
#include "verifier/audit_client.h"

namespace archpool {

class GrpcAuditClient : public AuditClient {
 public:
  // `remote` outlives this. Takes audits of these classes. `last_calls` cuts
  // off every call. `memory_bytes`: what an examination may take.
  GrpcAuditClient(const Remote& remote, std::string verifier_name,
                  std::vector<std::string> arithmetics, int64_t memory_bytes,
                  std::stop_token last_calls);

  absl::StatusOr<std::optional<wire::AuditOrder>> AcquireAudit(
      absl::Duration wait, const std::stop_token& stop) override;
  absl::Status RenewAudit(AuditId audit, int64_t attempt,
                          const std::stop_token& stop) override;
  absl::StatusOr<AuditReply> ReportAudit(AuditId audit, int64_t attempt,
                                         const AuditFinding& finding,
                                         absl::Duration audit_time) override;
  absl::Status ReadSplit(const Digest& dataset, AuditSplit split,
                         int64_t offset_bytes, const BlobSink& sink,
                         const std::stop_token& stop) override;
  absl::Status ReadWeights(TrialId trial, int64_t offset_bytes,
                           const BlobSink& sink,
                           const std::stop_token& stop) override;
  absl::Status ReadCheckpoint(TrialId trial, CheckpointPart part,
                              int64_t offset_bytes, const BlobSink& sink,
                              const std::stop_token& stop) override;

 private:
  void SayClockSkew(const v1::AcquireAuditResponse& response);

  const Remote& remote_;
  const std::string verifier_name_;
  const std::vector<std::string> arithmetics_;
  const int64_t memory_bytes_;
  const std::stop_token last_calls_;
  std::atomic<bool> has_said_skew_ = false;
  BlobClient blobs_;
};

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_GRPC_AUDIT_CLIENT_H_
