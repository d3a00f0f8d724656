// SPDX-License-Identifier: Apache-2.0
// What earns the finder's bonus: the part of (accuracy, multiply-accumulates)
// that a client wants networks from. Pure; thread-safe.
#ifndef ARCHPOOL_COMMON_MODEL_BONUS_REGION_H_
#define ARCHPOOL_COMMON_MODEL_BONUS_REGION_H_

#include <cstdint>

#include "common/model/task_spec.h"

namespace archpool {

struct BonusRegion {
  // On the held-out split; a network below it earns no bonus. Above 1'000'000
  // where that split is too small to tell any network from a guess.
  int64_t accuracy_min_ppm = 0;
  // A network above it earns none. 0: size is no objective of the task, and the
  // whole bonus goes to the most accurate network.
  int64_t macs_max = 0;

  friend bool operator==(const BonusRegion&, const BonusRegion&) = default;
};

// Known to everybody from the submission on. At least the accuracy that the
// client names, and never less than what is above chance; at most the size that
// the client names, or else, where the search is told that small networks are
// worth something, the task's own limit.
// REQUIRES: spec.Validate(); the held-out split's count and classes.
BonusRegion BonusRegionOf(const TaskSpec& spec, int64_t held_out_count,
                          int64_t classes);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_MODEL_BONUS_REGION_H_
