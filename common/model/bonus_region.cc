// SPDX-License-Identifier: Apache-2.0
#include "common/model/bonus_region.h"

#include <algorithm>

#include "common/model/chance.h"

namespace archpool {

BonusRegion BonusRegionOf(const TaskSpec& spec, int64_t held_out_count,
                          int64_t classes) {
  BonusRegion region;
  region.accuracy_min_ppm =
      std::max(spec.terms.bonus_accuracy_min_ppm,
               AccuracyAboveChancePpm(held_out_count, classes));
  region.macs_max = spec.terms.bonus_macs_max;
  if (region.macs_max == 0 && spec.search.halved_macs_ppm > 0) {
    region.macs_max = spec.limits.macs_max;
  }
  return region;
}

}  // namespace archpool
