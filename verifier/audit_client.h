// SPDX-License-Identifier: Apache-2.0
// The server as a verifier sees it. Every call is tried once. Errors are the
// server's, with its reasons (verification.proto). Implementations are
// thread-safe.
#ifndef ARCHPOOL_VERIFIER_AUDIT_CLIENT_H_
#define ARCHPOOL_VERIFIER_AUDIT_CLIENT_H_

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/channel/blob_cache.h"
#include "common/crypto/sha256.h"
#include "common/model/finding.h"
#include "common/model/ids.h"
#include "common/wire/work_wire.h"

namespace archpool {

// "accepted", or the state of the trial instead.
struct AuditReply {
  std::string trial_state;
  std::string reason;  // of a rejection
};

enum class AuditSplit { kTrain, kValidation, kHeldOut };
enum class CheckpointPart { kWeights, kOptimizer };

class AuditClient {
 public:
  virtual ~AuditClient() = default;

  // Waits up to `wait` for an audit, or until `stop`; nothing where none came.
  virtual absl::StatusOr<std::optional<wire::AuditOrder>> AcquireAudit(
      absl::Duration wait, const std::stop_token& stop) = 0;
  // Keeps the audit while it is examined.
  virtual absl::Status RenewAudit(AuditId audit, int64_t attempt,
                                  const std::stop_token& stop) = 0;
  virtual absl::StatusOr<AuditReply> ReportAudit(AuditId audit, int64_t attempt,
                                                 const AuditFinding& finding,
                                                 absl::Duration audit_time) = 0;
  virtual absl::Status ReadSplit(const Digest& dataset, AuditSplit split,
                                 int64_t offset_bytes, const BlobSink& sink,
                                 const std::stop_token& stop) = 0;
  virtual absl::Status ReadWeights(TrialId trial, int64_t offset_bytes,
                                   const BlobSink& sink,
                                   const std::stop_token& stop) = 0;
  // A file of the checkpoint that the trial's open segment begins with.
  virtual absl::Status ReadCheckpoint(TrialId trial, CheckpointPart part,
                                      int64_t offset_bytes,
                                      const BlobSink& sink,
                                      const std::stop_token& stop) = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_AUDIT_CLIENT_H_
