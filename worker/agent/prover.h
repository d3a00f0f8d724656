// SPDX-License-Identifier: Apache-2.0
// Answers the pool's audits: heartbeats ask which segments are wanted of the
// committed trials whose checkpoints are kept; the prover reveals them, sends
// their files, and lets go of what is settled. On a thread of its own: a worker
// answers while it trains, and while it beats. Where files are lost, the agent
// trains the trial again. Thread-safe.
#ifndef ARCHPOOL_WORKER_AGENT_PROVER_H_
#define ARCHPOOL_WORKER_AGENT_PROVER_H_

#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/bell.h"
#include "common/channel/retry.h"
#include "worker/agent/checkpoint_vault.h"
#include "worker/agent/work_client.h"

namespace archpool {

class Prover {
 public:
  // What heartbeats ask about.
  struct Question {
    std::map<TrialId, Digest> kept;  // and their keys
    int64_t pokes = 0;               // that were there by then
  };

  // All outlive this.
  Prover(WorkClient& client, CheckpointVault& vault, const RetryPolicy& policy);

  // Something is asked for: ask at once, not at the next heartbeat.
  void Poke() ABSL_LOCKS_EXCLUDED(mutex_);

  // For heartbeats: until it is poked, or `longest` has passed.
  void WaitForPoke(const std::stop_token& stop, absl::Duration longest) {
    poked_.Wait(stop, longest);
  }
  Question Ask() ABSL_LOCKS_EXCLUDED(mutex_);
  // An answer to a part of the question; then that all of it is answered.
  void Hear(const Question& question, const HeartbeatReply& reply)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void HearEnd(const Question& question) ABSL_LOCKS_EXCLUDED(mutex_);

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
  // The next to answer, which is being answered from then on.
  std::optional<AskedSegment> TakeAsked() ABSL_LOCKS_EXCLUDED(mutex_);
  void NoteWaited(const AskedSegment& asked);
  void Answer(const AskedSegment& asked, const std::stop_token& stop)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Reveal(const AskedSegment& asked, const std::stop_token& stop);

  WorkClient& client_;
  CheckpointVault& vault_;
  const RetryPolicy policy_;
  Bell poked_;
  Bell heard_;
  Bell served_;
  absl::Mutex mutex_;
  int64_t pokes_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t pokes_heard_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t pokes_served_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<TrialId, AskedSegment> asked_ ABSL_GUARDED_BY(mutex_);
  std::optional<TrialId> answering_ ABSL_GUARDED_BY(mutex_);
  // To be trained again; those taken stay, without a value.
  std::map<TrialId, std::optional<AskedSegment>> lost_ ABSL_GUARDED_BY(mutex_);
  std::set<TrialId> waited_for_;  // as the log says; the thread's alone
  std::jthread thread_;           // last: it uses all of the above
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_PROVER_H_
