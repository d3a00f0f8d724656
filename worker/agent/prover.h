// SPDX-License-Identifier: Apache-2.0
// Answers the pool's audits: asks which segments are wanted of the committed
// trials whose checkpoints are kept, reveals them, sends their files, and
// lets go of what is settled. On a thread of its own: a worker answers while it
// trains. Where files are lost, the agent trains the trial again. Thread-safe.
#ifndef ARCHPOOL_WORKER_AGENT_PROVER_H_
#define ARCHPOOL_WORKER_AGENT_PROVER_H_

#include <map>
#include <optional>
#include <stop_token>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/bell.h"
#include "common/channel/retry.h"
#include "worker/agent/checkpoint_vault.h"
#include "worker/agent/session_holder.h"
#include "worker/agent/work_client.h"

namespace archpool {

class Prover {
 public:
  // All outlive this.
  Prover(WorkClient& client, SessionHolder& session, CheckpointVault& vault,
         const RetryPolicy& policy);

  // Something is asked for: look at once, not at the next heartbeat.
  void Poke() ABSL_LOCKS_EXCLUDED(mutex_);

  // A trial whose files are lost, with what it takes to train it again; it is
  // answered for once Restored is called.
  std::optional<AskedSegment> TakeLost() ABSL_LOCKS_EXCLUDED(mutex_);
  void Restored(TrialId trial) ABSL_LOCKS_EXCLUDED(mutex_);

  // Waits until all that was asked by now is answered, or until `timeout`.
  // Answers whether all is.
  bool WaitUntilIdle(absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mutex_);
  // Committed trials of which something may still be asked.
  size_t kept() const { return vault_.Kept().size(); }

 private:
  void Run(const std::stop_token& stop) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Duration Interval(const std::stop_token& stop);
  void Review(const std::stop_token& stop) ABSL_LOCKS_EXCLUDED(mutex_);
  void Answer(const AskedSegment& asked, const std::stop_token& stop)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status LayOpen(const AskedSegment& asked, const std::stop_token& stop);

  WorkClient& client_;
  SessionHolder& session_;
  CheckpointVault& vault_;
  const RetryPolicy policy_;
  Bell poked_;
  Bell served_;
  absl::Mutex mutex_;
  int64_t pokes_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t pokes_served_ ABSL_GUARDED_BY(mutex_) = 0;
  // To be trained again; those taken stay, without a value.
  std::map<TrialId, std::optional<AskedSegment>> lost_ ABSL_GUARDED_BY(mutex_);
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_PROVER_H_
