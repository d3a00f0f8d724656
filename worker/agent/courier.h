// SPDX-License-Identifier: Apache-2.0
// Brings trained trials to the pool: reports each, then uploads its weights
// where they are wanted, in the order in which they were trained, on a thread
// of its own. Training continues meanwhile, and while the server is away.
// Thread-safe.
#ifndef ARCHPOOL_WORKER_AGENT_COURIER_H_
#define ARCHPOOL_WORKER_AGENT_COURIER_H_

#include <deque>
#include <stop_token>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/bell.h"
#include "common/channel/retry.h"
#include "worker/agent/checkpoint_vault.h"
#include "worker/agent/lease_book.h"
#include "worker/agent/prover.h"
#include "worker/agent/session_holder.h"
#include "worker/agent/trial_journal.h"
#include "worker/agent/work_client.h"

namespace archpool {

class Courier {
 public:
  // Starts with what `journal` holds; enters in `book` what the pool appends to
  // a lease. All outlive this. On destruction the
  // delivery under way is called off; what was not acknowledged stays in the
  // journal.
  // `prover` hears of trials that are audited.
  Courier(WorkClient& client, SessionHolder& session, TrialJournal& journal,
          CheckpointVault& vault, Prover& prover, LeaseBook& book,
          const RetryPolicy& policy);

  // REQUIRES: `entry` is in the journal.
  void Deliver(const JournalEntry& entry);

  // Waits until all is delivered or given up, or until `stop` or `timeout`.
  // Answers whether all is.
  bool WaitUntilIdle(const std::stop_token& stop, absl::Duration timeout);

 private:
  // How one delivery ended.
  enum class Outcome {
    kDone,     // acknowledged, or refused for good: leaves the journal
    kKept,     // not now; the next start of the worker tries again
    kStopped,  // called off
  };

  void Run(const std::stop_token& stop);
  absl::StatusOr<ReportReply> Report(const JournalEntry& entry,
                                     const std::stop_token& stop);
  Outcome DeliverOne(JournalEntry entry, const std::stop_token& stop);
  Outcome Judge(const JournalEntry& entry, const char* step,
                const absl::Status& status, const std::stop_token& stop) const;

  WorkClient& client_;
  SessionHolder& session_;
  TrialJournal& journal_;
  CheckpointVault& vault_;
  Prover& prover_;
  LeaseBook& book_;
  const RetryPolicy policy_;
  Bell delivered_;
  absl::Mutex mutex_;
  std::deque<JournalEntry> waiting_ ABSL_GUARDED_BY(mutex_);
  // The front of `waiting_` stays there until its delivery has ended.
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_COURIER_H_
