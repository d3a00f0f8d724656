// SPDX-License-Identifier: Apache-2.0
// What miners' answers to the pool's questions take: files, bytes, time. Pure.
#ifndef ARCHPOOL_SERVER_CORE_STATE_ANSWERS_H_
#define ARCHPOOL_SERVER_CORE_STATE_ANSWERS_H_

#include <cstdint>

#include "absl/time/time.h"
#include "server/core/rules/policy.h"
#include "server/core/state/pool_state.h"

namespace archpool {

// Whether a trial's weights are wanted even if it is not drawn: the next rung
// may continue from them.
bool WantsWeights(const Recipe& recipe, const Trial& trial);

// Whether an accepted trial's weights, which are not on the disk, lay there
// once: or else they never came. `task` is the trial's, open or ended.
bool WeightsWereHere(const RetentionPolicy& policy, const Task& task,
                     const Trial& trial, absl::Time now);

// By when `parts` of a trial must be here if they are asked for now: what else
// is asked of its worker goes over the same line, and its checkpoints may be
// lost, and take a training to make again.
absl::Time AnswerDeadline(const PoolState& state, const PoolPolicy& policy,
                          const Trial& trial, int64_t parts, absl::Time now);
// How long that is, with so much asked before.
absl::Duration AnswerTime(const PoolState& state, const PoolPolicy& policy,
                          const Trial& trial, int64_t parts,
                          const AskedLoad& before);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_STATE_ANSWERS_H_
