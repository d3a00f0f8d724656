// SPDX-License-Identifier: Apache-2.0
// The server as a worker sees it. Every call is tried once; the agent decides
// what to try again. Errors are the server's, with its reasons (work.proto).
// Implementations are thread-safe.
#ifndef ARCHPOOL_WORKER_AGENT_WORK_CLIENT_H_
#define ARCHPOOL_WORKER_AGENT_WORK_CLIENT_H_

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/countdown.h"
#include "common/channel/blob_cache.h"
#include "common/channel/blob_client.h"
#include "common/crypto/sha256.h"
#include "common/model/commitment.h"
#include "common/model/ids.h"
#include "common/model/worker_activity.h"
#include "common/wire/work_wire.h"

namespace archpool {

struct OpenedSession {
  SessionId session;
  absl::Duration heartbeat_interval;
  std::string terms;  // what the pool pays by; "" where it does not say
  // How far this machine's clock is ahead of the pool's, where that says: for
  // people alone.
  std::optional<absl::Duration> clock_skew = {};
};

// Work, or why there is none.
struct AcquiredLease {
  std::optional<wire::WorkLease> lease;
  std::string idle_reason;
  std::string idle_message;
};

struct HeartbeatReport {
  std::vector<LeaseId> leases;
  WorkerActivity activity = WorkerActivity::kWaiting;
  TrialId trial;  // unset where none is being trained
  int64_t step = 0;
  int64_t steps = 0;
  std::vector<TrialId> kept;  // committed, with their checkpoints
};

// A trial's commitment, and the lease it was trained under.
struct TrialCommitment {
  TrialId trial;
  LeaseId lease;
  int64_t attempt = 0;
  Digest weights_digest;
  int64_t weights_size_bytes = 0;
  int64_t validation_correct = 0;
  absl::Duration train_time;
  // If the training diverged, the step that was not done, from 0.
  std::optional<int64_t> diverged_at_step;
  // The training's checkpoints (common/model/commitment.h).
  Digest checkpoint_root;
  Digest final_optimizer;
  std::vector<Digest> final_proof;
};

// What the pool answered to a commitment that it took.
struct ReportReply {
  std::vector<wire::WorkAssignment> appended;  // what the list grew by
  bool wants_weights = false;
  bool is_audited = false;  // a segment is to be revealed: ask which
};

// A segment that the pool asks for, with what it takes to train the trial
// again.
struct AskedSegment {
  TrialId trial;
  int64_t segment = 0;
  Countdown left;         // to answer in
  wire::WorkLease lease;  // its only assignment is the trial's
  // Since it was due, while the whole account was away.
  absl::Duration waited;
};

// What the pool no longer wants of what the report named, and what it wants.
struct HeartbeatReply {
  std::vector<LeaseId> ended;
  std::vector<TrialId> withdrawn;  // somebody else committed them first
  std::vector<TrialId> settled;    // nothing will be asked of them
  std::vector<AskedSegment> asked;
};

enum class WorkSplit { kTrain, kValidation };

class WorkClient {
 public:
  virtual ~WorkClient() = default;

  virtual absl::StatusOr<OpenedSession> OpenSession() = 0;
  // A lease beside those in `holding`. Waits up to `wait` for work, or until
  // `stop`.
  virtual absl::StatusOr<AcquiredLease> AcquireLease(
      SessionId session, const std::vector<LeaseId>& holding,
      absl::Duration wait, const std::stop_token& stop) = 0;
  virtual absl::StatusOr<HeartbeatReply> Heartbeat(
      SessionId session, const HeartbeatReport& report) = 0;
  // `lease` is the commitment's; where the worker no longer holds it (null),
  // what its list grew by is left for the next AcquireLease. A refusal of the
  // report itself comes as FAILED_PRECONDITION with the pool's reason.
  virtual absl::StatusOr<ReportReply> ReportTrial(
      SessionId session, const TrialCommitment& commitment,
      const wire::WorkLease* lease) = 0;
  virtual absl::Status RevealSegment(TrialId trial, const Opening& opening) = 0;
  // A file of the checkpoint that the open segment begins with.
  virtual absl::Status UploadCheckpoint(TrialId trial, const UploadSource& file,
                                        const std::stop_token& stop) = 0;
  // `impossible`: trials of it that cannot be trained here, ever.
  virtual absl::Status ReleaseLease(SessionId session, LeaseId lease,
                                    int64_t attempt,
                                    const std::vector<TrialId>& impossible) = 0;
  // Sends what the server does not hold yet of the weights of a committed
  // trial.
  virtual absl::Status UploadWeights(TrialId trial, const UploadSource& weights,
                                     const std::stop_token& stop) = 0;
  virtual absl::Status ReadSplit(const Digest& dataset, WorkSplit split,
                                 int64_t offset_bytes, const BlobSink& sink,
                                 const std::stop_token& stop) = 0;
  // Reads the weights of a trial of this account.
  virtual absl::Status ReadWeights(TrialId trial, int64_t offset_bytes,
                                   const BlobSink& sink,
                                   const std::stop_token& stop) = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_WORK_CLIENT_H_
