// SPDX-License-Identifier: Apache-2.0
// How a finishing task ends: what has still to be proven is asked for, then the
// reward is split (docs/adr/0023-settle-in-steps.md). For the pool's own files.
#ifndef ARCHPOOL_SERVER_CORE_SETTLE_H_
#define ARCHPOOL_SERVER_CORE_SETTLE_H_

#include <cstdint>

#include "server/core/state/step.h"

namespace archpool {

// Ends a finishing task whose verdicts are all in, where it has no more trials
// than `trials_left`, which they are taken from; a larger one is left to the
// ticks.
void SettleIfDone(Step& step, TaskId id, int64_t& trials_left);

// The next step of that, of a task of any size. False: there is nothing more to
// do now.
bool SettleStep(Step& step, TaskId id);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_SETTLE_H_
