// SPDX-License-Identifier: Apache-2.0
// Keeps current what calls look up, and wakes calls that wait: the RPC layer's
// ear at the engine. Called on the engine's threads (EngineListener); what it
// tells is thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_RPC_LISTENER_H_
#define ARCHPOOL_SERVER_RPC_RPC_LISTENER_H_

#include <cstdint>
#include <functional>

#include "absl/container/btree_set.h"
#include "absl/types/span.h"
#include "common/base/clock.h"
#include "server/core/records/entities.h"
#include "server/engine/engine_listener.h"
#include "server/rpc/account_directory.h"
#include "server/rpc/invitation_directory.h"
#include "server/rpc/session_directory.h"
#include "server/rpc/task_hub.h"
#include "server/rpc/task_views.h"
#include "server/rpc/wait_queue.h"

namespace archpool::rpc {

class RpcListener : public EngineListener {
 public:
  // What is told; all outlive the listener.
  struct Parts {
    const Clock& clock;
    AccountDirectory& accounts;
    InvitationDirectory& invitations;
    SessionDirectory& sessions;
    TaskViews& views;
    TaskHub& hub;
    WaitQueue& work_waiting;
    WaitQueue& audits_waiting;
    std::function<void(const TokenKey&)> on_token_end;
  };
  // At most `waiters_max` wait for work.
  RpcListener(const Parts& parts, int64_t waiters_max)
      : parts_(parts), waiters_max_(waiters_max) {}

  void OnCommit(absl::Span<const Event> events) override;
  void OnLoad(const PoolSnapshot& snapshot) override;

 private:
  void NoteAll(absl::Span<const Event> events);
  void Note(const Account& account) { parts_.accounts.Update(account); }
  void Note(const AccountToken& token);
  void Note(const Invitation& invitation) {
    parts_.invitations.Update(invitation);
  }
  void Note(const Task& task);
  void Note(const Trial& trial);
  void Note(const Session& session) {
    parts_.sessions.Update(session, parts_.clock.Now());
  }
  void Note(const SubspaceRecord& subspace);
  void Note(const Lease& lease);
  void Note(const Audit& audit);
  void Note(const PoolClock& clock);
  template <typename Other>
  void Note(const Other&) {}

  const Parts parts_;
  const int64_t waiters_max_;
  bool in_maintenance_ = false;
  absl::btree_set<TaskId> touched_;  // by the events being noted
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_RPC_LISTENER_H_
