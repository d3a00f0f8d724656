// SPDX-License-Identifier: Apache-2.0
// Tells the pool that the worker lives and what it does, and hears which leases
// are over, which trials somebody else was first with, and what audits ask for,
// on a thread of its own. Thread-safe.
#ifndef ARCHPOOL_WORKER_AGENT_HEARTBEAT_H_
#define ARCHPOOL_WORKER_AGENT_HEARTBEAT_H_

#include <stop_token>
#include <thread>

#include "worker/agent/activity.h"
#include "worker/agent/lease_book.h"
#include "worker/agent/prover.h"
#include "worker/agent/session_holder.h"
#include "worker/agent/work_client.h"

namespace archpool {

class Heartbeat {
 public:
  // Beats until it is destroyed, at the pace that the pool asks for, and at
  // once where the prover is poked. All outlive this.
  Heartbeat(WorkClient& client, SessionHolder& session,
            const Activity& activity, LeaseBook& book, Prover& prover);

 private:
  void Run(const std::stop_token& stop);
  // As many calls as it takes to name all trials that are kept.
  absl::Status Beat(SessionId session);

  WorkClient& client_;
  SessionHolder& session_;
  const Activity& activity_;
  LeaseBook& book_;
  Prover& prover_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_HEARTBEAT_H_
