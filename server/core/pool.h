// SPDX-License-Identifier: Apache-2.0
// The Pool is the deterministic state machine that takes every decision: no IO,
// clock, randomness, threads or protobuf; time is an argument. Equal snapshots
// and equal commands give equal replies and equal events, on every machine,
// where the pools have seen the same (server/core/state/memory.h): who was
// heard when is in no record. What else a pool holds decides nothing
// (docs/adr/0035-what-a-load-forgets.md).
//
// Not thread-safe: the engine's one thread owns it.
//
//   pool.Execute(command, now)   decides, applies to this state, and notes the
//                                events; an error changes nothing.
//   pool.TakeEvents()            the events since the last call, in order: what
//                                the store must commit before any reply leaves.
//
// Decision and application are one step because decisions of several parts read
// their own effects (docs/adr/0003-decide-and-apply-in-one-step.md). Each
// command is one room's (its folder); what that brings about in others is in
// reactions.cc. If the commit fails, the state is thrown away and loaded
// afresh.
#ifndef ARCHPOOL_SERVER_CORE_POOL_H_
#define ARCHPOOL_SERVER_CORE_POOL_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/core/commands/commands.h"
#include "server/core/leaves/verifier_book.h"
#include "server/core/records/snapshot.h"
#include "server/core/rules/expiry_hold.h"
#include "server/core/rules/policy.h"
#include "server/core/state/memory.h"
#include "server/core/state/pool_state.h"

namespace archpool {

class Pool {
 public:
  // Starts from what the store loaded; `hold` is that of the pool it replaces.
  Pool(const PoolPolicy& policy, const PoolSnapshot& snapshot,
       const ExpiryHold& hold = ExpiryHold(),
       VerifierBook verifiers = VerifierBook());

  // Starts from what the store loaded, and has seen what `other` has.
  Pool(const PoolSnapshot& snapshot, const Pool& other);

  ~Pool();
  Pool(Pool&&) noexcept;
  Pool& operator=(Pool&&) noexcept;

  // Has seen nothing any more, as after a restart, and holds what it held: what
  // a pool that is loaded instead is compared with.
  void ForgetSeen();

  const ExpiryHold& expiry_hold() const { return memory_.expiry_hold; }
  const VerifierBook& verifiers() const { return memory_.verifiers; }

  // Executes any command in server/core/commands/, where its errors are named.
  // A Tick is due at least every second: what is late is closed by ticks alone.
  // REQUIRES: `now` does not decrease between calls.
  template <typename Command>
  absl::StatusOr<typename Command::Reply> Execute(const Command& command,
                                                  absl::Time now);

  std::vector<Event> TakeEvents() { return state_.TakeEvents(); }
  const PoolState& state() const { return state_; }

 private:
  PoolPolicy policy_;
  PoolState state_;
  Memory memory_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_POOL_H_
