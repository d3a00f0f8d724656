// SPDX-License-Identifier: Apache-2.0
// Which way the states of records may go, as the oracle sees it: written down
// apart from the core's own tables (server/core/records/transitions.h), which
// it checks. state_oracle_test names every difference. Pure functions;
// thread-safe.
#ifndef ARCHPOOL_SIMULATOR_STATE_ORACLE_H_
#define ARCHPOOL_SIMULATOR_STATE_ORACLE_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "server/core/records/entities.h"

namespace archpool {

// Whether a record may come to be in that state.
bool MayBegin(AccountState state);
bool MayBegin(TaskState state);
bool MayBegin(SubspaceState state);
bool MayBegin(SessionState state);
bool MayBegin(LeaseState state);
bool MayBegin(TrialState state);
bool MayBegin(AuditState state);
bool MayBegin(PayoutState state);

// Whether a record may be put down once more, with the state `to`, after it had
// the state `from`. What is over never is, not even as it was.
bool MayFollow(AccountState from, AccountState to);
bool MayFollow(TaskState from, TaskState to);
bool MayFollow(SubspaceState from, SubspaceState to);
bool MayFollow(SessionState from, SessionState to);
bool MayFollow(LeaseState from, LeaseState to);
bool MayFollow(TrialState from, TrialState to);
bool MayFollow(AuditState from, AuditState to);
bool MayFollow(PayoutState from, PayoutState to);

// What the states alone do not say about trials: whether a new one may look
// like this, and whether one may change so.
bool IsLegal(const Trial& trial);
bool IsLegal(const Trial& before, const Trial& trial);

// What is wrong with `after`, a sentence; "": nothing. `before`: the record as
// it was; nullptr: there was none.
template <typename Record>
std::string WhatIsWrong(const Record* before, const Record& after) {
  if (before == nullptr) {
    return MayBegin(after.state)
               ? ""
               : absl::StrCat(after.id.ToString(), " begins as ",
                              ToString(after.state));
  }
  return MayFollow(before->state, after.state)
             ? ""
             : absl::StrCat(after.id.ToString(), " went from ",
                            ToString(before->state), " to ",
                            ToString(after.state));
}

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_STATE_ORACLE_H_
