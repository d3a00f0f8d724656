// The Pool is the deterministic state machine that takes every decision: no IO,
// clock, randomness, threads or protobuf; time is an argument. Equal snapshots
// and equal commands give equal replies and equal events, on every machine.
//
// Not thread-safe: the engine's one thread owns it.
//
//   pool.Execute(command, now)   decides, applies to this state, and notes the
//                                events; an error changes nothing.
//   pool.TakeEvents()            the events since the last call, in order: what
//                                the store must commit before any reply leaves.
//
// Decision and application are one step because decisions of several parts read
// their own effects (docs/adr/0003-decide-and-apply-in-one-step.md). If the
// commit fails, the state is thrown away and loaded afresh.
#ifndef ARCHPOOL_SERVER_CORE_POOL_H_
#define ARCHPOOL_SERVER_CORE_POOL_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/core/commands.h"
#include "server/core/entities.h"
#include "server/core/policy.h"
#include "server/core/pool_state.h"

namespace archpool {

// Expiry waits one lease term after a start or a gap in the ticks, so that an
// outage or a bad clock does not cancel everyone's work.
struct ExpiryHold {
  absl::Time last_tick = absl::InfinitePast();
  absl::Time held_until = absl::InfinitePast();
};

class Pool {
 public:
  // Starts from what the store loaded. `hold` is that of the pool it replaces,
  // if any: a reload is no outage, or whoever can cause one could put expiry
  // off for ever.
  Pool(const PoolPolicy& policy, const PoolSnapshot& snapshot,
       const ExpiryHold& hold = ExpiryHold());

  const ExpiryHold& expiry_hold() const { return expiry_hold_; }

  // Errors are named at each command (server/core/commands.h).
  // A Tick is due at least every second: what is late is closed by ticks alone.
  // REQUIRES: `now` does not decrease between calls.
  absl::StatusOr<CreateAccount::Reply> Execute(const CreateAccount&,
                                               absl::Time now);
  absl::StatusOr<SetAccountState::Reply> Execute(const SetAccountState&,
                                                 absl::Time now);
  absl::StatusOr<Deposit::Reply> Execute(const Deposit&, absl::Time now);
  absl::StatusOr<RegisterDataset::Reply> Execute(const RegisterDataset&,
                                                 absl::Time now);
  absl::StatusOr<SubmitTask::Reply> Execute(const SubmitTask&, absl::Time now);
  absl::StatusOr<CancelTask::Reply> Execute(const CancelTask&, absl::Time now);
  absl::StatusOr<OpenSession::Reply> Execute(const OpenSession&,
                                             absl::Time now);
  absl::StatusOr<AcquireLease::Reply> Execute(const AcquireLease&,
                                              absl::Time now);
  absl::StatusOr<RenewLease::Reply> Execute(const RenewLease&, absl::Time now);
  absl::StatusOr<ReportTrials::Reply> Execute(const ReportTrials&,
                                              absl::Time now);
  absl::StatusOr<ConfirmWeights::Reply> Execute(const ConfirmWeights&,
                                                absl::Time now);
  absl::StatusOr<ReleaseLease::Reply> Execute(const ReleaseLease&,
                                              absl::Time now);
  absl::StatusOr<AcquireAudit::Reply> Execute(const AcquireAudit&,
                                              absl::Time now);
  absl::StatusOr<ReportAudit::Reply> Execute(const ReportAudit&,
                                             absl::Time now);
  absl::StatusOr<Tick::Reply> Execute(const Tick&, absl::Time now);

  std::vector<Event> TakeEvents() { return state_.TakeEvents(); }

  const PoolState& state() const { return state_; }

 private:
  struct Drawn {
    LeaseId lease;          // unset where nothing was drawn
    bool too_dear = false;  // what was drawn costs more than is left
    bool looked_long = false;
  };
  struct DrawnTrials {
    std::vector<Trial> trials;  // without ids, lease and account
    bool too_dear = false;      // something drawn costs more than is left
    bool looked_long = false;   // past the usual number of draws
    bool nothing_left =
        false;  // every network in it was tried, or is impossible
  };
  // One report of a batch; the deadline for its weights.
  absl::StatusOr<absl::Time> Commit(const ReportTrials& command,
                                    const TrialReport& report, absl::Time now);
  AcquireLease::Reply GrantOf(const Lease& lease) const;
  // A lease on the task's most promising subspace; ends the task where nothing
  // is left to draw or to wait for.
  AcquireLease::Reply LeaseFrom(TaskId task, const Session& session,
                                absl::Time now);
  Drawn Draw(const Task& task, SubspaceRecord subspace, const Session& session,
             bool may_look_long, absl::Time now);
  DrawnTrials DrawTrials(const Task& task, const SubspaceRecord& subspace,
                         bool may_look_long) const;
  void Close(const PoolState::Due& due, absl::Time now);

  PoolPolicy policy_;
  PoolState state_;
  ExpiryHold expiry_hold_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_POOL_H_
