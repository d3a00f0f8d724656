// SPDX-License-Identifier: Apache-2.0
// A worker's loop: takes leases, trains what they list, and sees that what was
// trained reaches the pool, through restarts of either side. Thread-compatible;
// its helpers run threads of their own.
#ifndef ARCHPOOL_WORKER_AGENT_AGENT_H_
#define ARCHPOOL_WORKER_AGENT_AGENT_H_

#include <functional>
#include <future>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/countdown.h"
#include "common/channel/retry.h"
#include "worker/agent/activity.h"
#include "worker/agent/attempt_log.h"
#include "worker/agent/checkpoint_vault.h"
#include "worker/agent/courier.h"
#include "worker/agent/lease_book.h"
#include "worker/agent/places.h"
#include "worker/agent/prover.h"
#include "worker/agent/rung_weights_cache.h"
#include "worker/agent/session_holder.h"
#include "worker/agent/training_data.h"
#include "worker/agent/trial_journal.h"
#include "worker/agent/work_client.h"
#include "worker/train/trainer.h"

namespace archpool {

struct AgentOptions {
  // How long one call waits at the server for work.
  absl::Duration acquire_wait = absl::Seconds(20);
  // The least time between two calls that bring no work.
  absl::Duration idle_pause = absl::Seconds(1);
  // While the server is away, or refuses this worker.
  RetryPolicy retry;
  // How long a worker that stops waits for trained trials to be taken, and for
  // what is asked of them.
  absl::Duration drain_timeout = absl::Seconds(8);
  // Takes no new work, which is the client's to see to: trains, delivers and
  // answers for what an earlier start left, and ends when that is settled.
  bool only_finishes = false;
};

class Agent {
 public:
  // All outlive this.
  Agent(WorkClient& client, Trainer& trainer, TrainingDataCache& data,
        RungWeightsCache& rung_weights, CheckpointVault& vault,
        TrialJournal& journal, AttemptLog& attempts, Places& places,
        const AgentOptions& options);

  // Works until `stop`, or all is finished, then delivers what is trained,
  // gives the lease back and answers OK. Fails where the pool will not have
  // this worker at all (UNAUTHENTICATED, PERMISSION_DENIED, INVALID_ARGUMENT)
  // before it has worked.
  absl::Status Run(const std::stop_token& stop);

 private:
  absl::Status OpenFirstSession(const std::stop_token& stop);
  // Asks for a lease beside those in `holding`.
  absl::StatusOr<AcquiredLease> Ask(const std::vector<LeaseId>& holding,
                                    absl::Duration wait,
                                    const std::stop_token& stop);
  // The pool has no work for this session.
  void Idle(const AcquiredLease& acquired, const std::stop_token& stop);
  // Nothing is left to train: settles what is held and waits for a lease.
  void Refill(Courier& courier, const std::stop_token& stop);
  void Work(const LeaseBook::Order& order, Courier& courier,
            const std::stop_token& stop);
  absl::Status Train(const LeaseBook::Order& order, Courier& courier,
                     const std::stop_token& stop);
  // Trains from where an earlier start of this worker came to; once more from
  // the start where what that left turns out to be lost.
  absl::StatusOr<TrainingResult> TrainWhole(const LeaseBook::Order& order,
                                            const std::stop_token& stop);
  struct Training {
    const wire::WorkLease& lease;
    const wire::WorkAssignment& assignment;
    const Checkpoint* from;
    std::function<bool()> is_wanted;
    // It has a place, and takes the machine's memory from now on.
    std::function<absl::Status()> on_begin;
  };
  // Waits for a place and trains, while it is wanted; its checkpoints are in
  // the vault then.
  absl::StatusOr<TrainingResult> TrainTrial(const Training& training,
                                            const std::stop_token& stop);
  // An audit asks for checkpoints that are lost.
  void TrainAgain(const AskedSegment& asked, const std::stop_token& stop);
  // Asks for the next lease while the last trial of this one is trained, and
  // enters it in the book as soon as it is there: heartbeats must name it.
  void LookAhead(const std::stop_token& stop);
  void WaitForNext();
  void Enter(wire::WorkLease lease);
  void GiveBack(const wire::WorkLease& lease);
  void SayIdle(const absl::Status& status);
  void SayIdle(const std::string& reason, const std::string& message);

  WorkClient& client_;
  Trainer& trainer_;
  TrainingDataCache& data_;
  RungWeightsCache& rung_weights_;
  CheckpointVault& vault_;
  TrialJournal& journal_;
  AttemptLog& attempts_;
  Places& places_;
  const AgentOptions options_;
  SessionHolder session_;
  Activity activity_;
  LeaseBook book_;
  Prover prover_;
  std::future<void> next_;
  // Leases with something on them that cannot be trained here.
  // Of each, the trials that will never be.
  std::map<LeaseId, std::vector<TrialId>> impossible_;
  // Something was trained since a lease was last taken, or asked for in vain.
  bool made_progress_ = true;
  Stopwatch since_begin_;  // of the training under way
  bool is_finished_ = false;
  Backoff backoff_;
  std::string idle_said_;
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_AGENT_H_
