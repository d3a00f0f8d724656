// SPDX-License-Identifier: Apache-2.0
#include "server/core/rules/training_steps.h"

#include <algorithm>

#include "absl/numeric/int128.h"
#include "server/core/rules/work_price.h"

namespace archpool {

int64_t StepsOf(const Recipe& recipe, const DatasetManifest& manifest,
                const Trial& trial) {
  const int64_t batch = std::min(recipe.batch_size, manifest.train_count);
  return manifest.train_count / batch * EpochsOf(recipe, trial);
}

int64_t SegmentOfStep(int64_t steps, int64_t segments, int64_t step) {
  // The last one that begins at or before it: ⌊steps · segment / segments⌋.
  return static_cast<int64_t>((absl::int128(step + 1) * segments - 1) / steps);
}

WorkUnits UnitsOfSteps(WorkUnits units, int64_t done, int64_t steps) {
  const absl::int128 part =
      absl::int128(units) * std::max<int64_t>(done, 1) / steps;
  return std::max<WorkUnits>(1, static_cast<WorkUnits>(part));
}

WorkUnits WholeUnitsOf(const Recipe& recipe, const DatasetManifest& manifest,
                       const Trial& trial) {
  if (!trial.commitment || !trial.commitment->diverged_at_step) {
    return trial.work_units;
  }
  const int64_t done =
      std::max<int64_t>(*trial.commitment->diverged_at_step, 1);
  return static_cast<WorkUnits>(absl::int128(trial.work_units) *
                                StepsOf(recipe, manifest, trial) / done);
}

}  // namespace archpool
