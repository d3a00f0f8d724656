// SPDX-License-Identifier: Apache-2.0
// What one command may touch. Every room's functions that change something take
// it first; what only reads takes the state.
#ifndef ARCHPOOL_SERVER_CORE_STATE_STEP_H_
#define ARCHPOOL_SERVER_CORE_STATE_STEP_H_

#include <cstdint>

#include "absl/time/time.h"
#include "server/core/rules/policy.h"
#include "server/core/state/facts.h"
#include "server/core/state/memory.h"
#include "server/core/state/pool_state.h"
#include "server/core/state/verifier_desk.h"

namespace archpool {

// A room changes its own records and those of the rooms below it, and states
// facts; what they bring about in its neighbours is in reactions.cc. Lives for
// one command; not thread-safe.
struct Step {
  PoolState& state;
  Memory& memory;
  const PoolPolicy& policy;
  absl::Time now;
  Facts& facts;
  // For how many trials the command may still void credit, or ask: ticks do the
  // rest.
  int64_t judged_left = policy.settle_trials_max;
  // What it may still write to end leases of suspended accounts and of tasks
  // that finish: likewise.
  int64_t endings_left = policy.settle_trials_max;
};

inline VerifierDesk DeskOf(const Step& step) {
  return {step.state, step.policy, step.memory.verifiers};
}

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_STATE_STEP_H_
