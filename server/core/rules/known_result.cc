// SPDX-License-Identifier: Apache-2.0
#include "server/core/rules/known_result.h"

#include "absl/status/statusor.h"

namespace archpool {

bool IsResultOf(const TaskSpec& spec, const NetworkSetup& setup,
                const Trial& trial) {
  if (trial.state != TrialState::kAccepted ||
      trial.rung > spec.recipe.last_rung() ||
      !spec.space.IsValid(trial.architecture)) {
    return false;
  }
  const absl::StatusOr<Candidate> candidate =
      MakeCandidate(spec.space, trial.architecture, setup);
  return candidate.ok() && candidate->id == trial.architecture_id;
}

}  // namespace archpool
