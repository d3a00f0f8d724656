// SPDX-License-Identifier: Apache-2.0
// Tells the pool that the worker lives and what it does, and hears which leases
// are over and which trials somebody else was first with, on a thread of its
// own. Thread-safe.
#ifndef ARCHPOOL_WORKER_AGENT_HEARTBEAT_H_
#define ARCHPOOL_WORKER_AGENT_HEARTBEAT_H_

#include <stop_token>
#include <thread>

#include "worker/agent/activity.h"
#include "worker/agent/lease_book.h"
#include "worker/agent/session_holder.h"
#include "worker/agent/work_client.h"

namespace archpool {

class Heartbeat {
 public:
  // Beats until it is destroyed, at the pace that the pool asks for. All
  // outlive this.
  Heartbeat(WorkClient& client, SessionHolder& session,
            const Activity& activity, LeaseBook& book);

 private:
  void Beat(const std::stop_token& stop);

  WorkClient& client_;
  SessionHolder& session_;
  const Activity& activity_;
  LeaseBook& book_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_AGENT_HEARTBEAT_H_
