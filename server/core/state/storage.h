// SPDX-License-Identifier: Apache-2.0
// What accounts have on the pool's disk. For server/core's own files.
#ifndef ARCHPOOL_SERVER_CORE_STATE_STORAGE_H_
#define ARCHPOOL_SERVER_CORE_STATE_STORAGE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "server/core/records/entities.h"
#include "server/core/rules/policy.h"
#include "server/core/state/pool_state.h"

namespace archpool {

// Nothing, where there is no record of it.
StorageUse StorageOf(const PoolState& state, AccountId account);

// Files and splits, weights, and the checkpoints of open audits.
int64_t StoredBytesOf(const PoolState& state, AccountId account);

// The account stored these too.
void AddStored(PoolState& state, AccountId account, int64_t file_bytes,
               int64_t weight_bytes);

// It has them no longer. What was stored before anybody counted it cannot be
// told from the rest: no sum falls below zero for it.
void TakeStored(PoolState& state, AccountId account, int64_t file_bytes,
                int64_t weight_bytes);

// RESOURCE_EXHAUSTED (STORAGE_QUOTA): the account may not store these too by
// its own choice.
absl::Status CheckRoom(const PoolState& state, const PoolPolicy& policy,
                       const Account& account, int64_t bytes);

// What all accounts have stored by choice.
int64_t ChosenBytes(const PoolState& state);

// Whether the account, with the others of its group, is why the disk is full:
// it has stored more by its own choice than it may, or a large part of `chosen`
// (what all have). What the pool asked it for speaks against nobody: of a few
// miners each has a large part.
bool HasFilledDisk(const PoolState& state, const PoolPolicy& policy,
                   const Account& account, int64_t chosen);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_STATE_STORAGE_H_
