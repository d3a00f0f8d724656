// SPDX-License-Identifier: Apache-2.0
// What a room of the core states, within one command, for other rooms to react
// to (server/core/reactions.cc). Never stored: an Event is still the record as
// it is. Value types; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_STATE_FACTS_H_
#define ARCHPOOL_SERVER_CORE_STATE_FACTS_H_

#include <variant>
#include <vector>

#include "common/model/ids.h"
#include "server/core/records/entities.h"

namespace archpool {

// A report was taken. `measures_all`: if an audit is drawn, it evaluates in
// full.
struct TrialCommitted {
  TrialId trial;
  bool measures_all = false;
};

struct TrialAccepted {
  TrialId trial;
  TaskId task;
};

struct TrialRejected {
  TrialId trial;
  TaskId task;
};

// Its miner was found to have lied, or hides that.
struct MinerConvicted {
  LeaseId lease;  // under which it lied; perhaps over
};

// Whatever its end.
struct AuditClosed {
  TaskId task;
};

struct LeaseEnded {
  TaskId task;
};

// Nothing of the task is left to give out, and nothing of it is awaited.
struct NothingLeft {
  TaskId task;
  EndReason reason;
};

struct TaskFinishing {
  TaskId task;
};

// What was not begun of a finishing task is given up.
struct UnbegunGivenUp {
  TaskId task;
};

struct AccountSuspended {
  AccountId account;
};

// It was away when answers were due, and gave a sign of life.
struct AccountReturned {
  AccountId account;
};

// One of the answers that the account was away for came, or is not waited for
// any more.
struct AbsenceEnded {
  AccountId account;
};

// Somebody got nothing of the task for what is waited for of accounts that are
// away.
struct AbsenceHoldsUp {
  TaskId task;
};

using Fact = std::variant<TrialCommitted, TrialAccepted, TrialRejected,
                          MinerConvicted, AuditClosed, LeaseEnded, NothingLeft,
                          TaskFinishing, UnbegunGivenUp, AccountSuspended,
                          AccountReturned, AbsenceEnded, AbsenceHoldsUp>;
using Facts = std::vector<Fact>;  // in the order in which they were stated

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_STATE_FACTS_H_
