// SPDX-License-Identifier: Apache-2.0
// Those that want to hear what the engine makes durable. All calls to a
// listener come one after another: OnLoad by Engine::Start on its caller's
// thread, and all that follows on the engine's.
#ifndef ARCHPOOL_SERVER_ENGINE_ENGINE_LISTENER_H_
#define ARCHPOOL_SERVER_ENGINE_ENGINE_LISTENER_H_

#include "absl/types/span.h"
#include "server/core/records/entities.h"
#include "server/core/records/snapshot.h"

namespace archpool {

// Neither call may wait for anything slow: every command waits behind it (what
// blocks goes to an Executor). Neither may call the engine but for Submit.
class EngineListener {
 public:
  virtual ~EngineListener() = default;

  // These records were committed; nobody has the replies to their commands yet.
  // A commit that failed is not heard of.
  virtual void OnCommit(absl::Span<const Event> events) = 0;

  // The state was loaded, at the start or after a commit that failed or was in
  // doubt. Some of that commit's events may have been written, and are heard of
  // here alone; the snapshot says nothing of a task that ended in it.
  virtual void OnLoad(const PoolSnapshot& snapshot) = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_ENGINE_ENGINE_LISTENER_H_
