// SPDX-License-Identifier: Apache-2.0
// What several rooms ask of the state. Reads alone.
#ifndef ARCHPOOL_SERVER_CORE_STATE_QUERIES_H_
#define ARCHPOOL_SERVER_CORE_STATE_QUERIES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/core/commands/commands.h"
#include "server/core/rules/policy.h"
#include "server/core/rules/worker_means.h"
#include "server/core/state/pool_state.h"

namespace archpool {

// The caller's open session. NOT_FOUND (SESSION_UNKNOWN).
absl::StatusOr<Session> OwnSession(const PoolState& state, AccountId caller,
                                   SessionId id);

// ALREADY_EXISTS (REQUEST_ID_REUSED): `made` was made under the same request id
// for something else.
absl::Status RequestIdReused(const std::string& made);

// The manifest of the open task's dataset.
const DatasetManifest& ManifestOf(const PoolState& state, TaskId task);

// How many trials the task may still give out.
int64_t TrialsLeft(const Task& task, const TaskIndex& index);

// The trial's basis for randomness, never shown before the task ends.
Digest TrialKey(const Task& task, const Digest& architecture_id,
                AccountId account, int64_t rung);

// What a worker is told of a trial.
Assignment AssignmentOf(const PoolState& state, const Task& task,
                        const Trial& trial);

// Whether the trial's result, as measured or else as claimed, is better than a
// guess.
bool IsAboveChance(const PoolState& state, const Trial& trial);

// Whether the task would end because nothing learns if what its miners claim to
// be at chance is found to be: until that is known, nothing more of it is
// trained.
bool AwaitsMeasurements(const PoolState& state, const PoolPolicy& policy,
                        TaskId id);

// Whether the trial is void since its account was convicted, though that is
// still to be written: it is as good as rejected.
bool IsVoid(const PoolState& state, const Trial& trial);
// Whether trials of the task are still to be voided, or to be examined too.
bool HasVoid(const PoolState& state, TaskId id);
bool IsBeingJudged(const PoolState& state, TaskId id);

// Whether answers are due of an account that is away and has credit in the task
// that has not matured.
bool HasAway(const PoolState& state, TaskId id);

// Whether it is a finishing task that only its settlement keeps from its end.
bool IsReadyToSettle(const PoolState& state, TaskId id);
// All of these, by id.
std::vector<TaskId> ReadyToSettle(const PoolState& state);

// What training the trial's network takes. Plans it, which takes far longer
// than looking it up.
TrainingSize SizeOf(const PoolState& state, const Trial& trial);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_STATE_QUERIES_H_
