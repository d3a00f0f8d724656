// A worker's loop: takes leases, trains what they list, and sees that what was
// trained reaches the pool, through restarts of either side. Thread-compatible;
// its helpers run threads of their own.
#ifndef ARCHPOOL_WORKER_AGENT_AGENT_H_
#define ARCHPOOL_WORKER_AGENT_AGENT_H_

#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/channel/retry.h"
#include "worker/agent/activity.h"
#include "worker/agent/courier.h"
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
  // How long a worker that stops waits for trained trials to be taken.
  absl::Duration drain_timeout = absl::Seconds(30);
};

class Agent {
 public:
  // All outlive this.
  Agent(const Clock& clock, WorkClient& client, Trainer& trainer,
        TrainingDataCache& data, TrialJournal& journal,
        const AgentOptions& options);

  // Works until `stop`, then delivers what is trained, gives the lease back and
  // answers OK. Fails where the pool will not have this worker at all
  // (UNAUTHENTICATED, PERMISSION_DENIED, INVALID_ARGUMENT) before it has
  // worked.
  absl::Status Run(const std::stop_token& stop);

 private:
  // Why the worker turned away from a lease, where it did.
  enum class LeaseEnd {
    kAllTrained,
    kNothingNew,  // all was trained before and is on its way
    kEndedByPool,
    kStopped,
    kImpossible,  // something on it cannot be trained here
  };

  absl::Status OpenFirstSession(const std::stop_token& stop);
  // One lease, or none; answers how long to pause before the next.
  absl::Duration WorkOnce(Courier& courier, const std::stop_token& stop);
  void WorkOn(const wire::WorkLease& lease, Courier& courier,
              const std::stop_token& stop);
  LeaseEnd TrainAll(const wire::WorkLease& lease, Courier& courier,
                    const std::stop_token& stop);
  absl::Status TrainOne(const wire::WorkLease& lease,
                        const wire::WorkAssignment& assignment,
                        const TrainingData& data, Courier& courier,
                        const std::stop_token& stop);
  void GiveBack(const wire::WorkLease& lease, LeaseEnd end, Courier& courier,
                const std::stop_token& stop);
  void SayIdle(const std::string& reason, const std::string& message);

  const Clock& clock_;
  WorkClient& client_;
  Trainer& trainer_;
  TrainingDataCache& data_;
  TrialJournal& journal_;
  const AgentOptions options_;
  SessionHolder session_;
  Activity activity_;
  Backoff backoff_;
  std::string idle_said_;
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_AGENT_H_
