// SPDX-License-Identifier: Apache-2.0
// What an account may have by what it has shown, and what an operator allows it
// beside that. For server/core's own files and those that show it.
#ifndef ARCHPOOL_SERVER_CORE_STATE_QUOTAS_H_
#define ARCHPOOL_SERVER_CORE_STATE_QUOTAS_H_

#include <cstdint>

#include "absl/time/time.h"
#include "server/core/records/entities.h"
#include "server/core/rules/policy.h"
#include "server/core/state/pool_state.h"

namespace archpool {

// Its work for others has been accepted often enough to be relied on.
bool IsProven(const Account& account);

// Whether the account and the client of its trial are held for one person's:
// then the trial proves nothing.
bool IsPaidWithinGroup(const PoolState& state, const Trial& trial,
                       const Account& account);

// A trial of the account was accepted (`change` 1), or is no longer (-1).
void CountAccepted(const PoolState& state, const Trial& trial, int64_t change,
                   Account& account);

int64_t OpenTasksOf(const PoolState& state, AccountId client);
// These four: fewer where the others of the account's group have what the
// group may have together.
int64_t OpenTasksMax(const PoolState& state, const PoolPolicy& policy,
                     const Account& account);
// One more for each trial accepted of it that proves something.
int64_t LeasesMax(const PoolState& state, const PoolPolicy& policy,
                  const Account& account);
int64_t SessionsMax(const PoolState& state, const PoolPolicy& policy,
                    const Account& account);
// What it may store by its own choice.
int64_t StoredBytesMax(const PoolState& state, const PoolPolicy& policy,
                       const Account& account);

// The lease of the account ended; `lost`: it was given up.
void CountGiveUp(const PoolState& state, const Lease& lease, bool lost,
                 absl::Time now, Account& account);

// For how long the account gets no lease: longer each time it, or its group,
// gives up leases beyond what trust allows.
absl::Duration PauseLeft(const PoolState& state, const PoolPolicy& policy,
                         const Account& account, absl::Time now);

// How much of the task's budget the account may reserve now: accounts that are
// not proven share a part of it, while one that is has worked within a day.
// Where nobody is, a group counts as one account.
WorkUnits UnitsFor(const PoolState& state, const PoolPolicy& policy,
                   const Task& task, const Account& account, absl::Time now);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_STATE_QUOTAS_H_
