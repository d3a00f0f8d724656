// SPDX-License-Identifier: Apache-2.0
#include "server/core/rules/work_price.h"

#include <algorithm>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "common/model/coins.h"

namespace archpool {

Amount PricePerCoreHour(Amount work_pot, WorkUnits work_units) {
  const absl::int128 price =
      absl::int128(work_pot) * kUnitsPerCoreHour / work_units;
  return static_cast<Amount>(std::min<absl::int128>(price, kAmountMax));
}

Amount PricePerCoreHour(const Task& task) {
  return PricePerCoreHour(task.work_pot, task.spec->budget.work_units);
}

Amount WorkPotFor(Amount price, WorkUnits work_units) {
  const absl::int128 pot =
      (absl::int128(price) * work_units + kUnitsPerCoreHour - 1) /
      kUnitsPerCoreHour;
  return static_cast<Amount>(std::min<absl::int128>(pot, kAmountMax + 1));
}

std::string DescribePrice(Amount price) {
  return absl::StrCat(FormatCoins(price), " coins a core hour");
}

int64_t EpochsOf(const Recipe& recipe, const Trial& trial) {
  return trial.resumes.IsSet() ? recipe.EpochsOfRung(trial.rung)
                               : recipe.EpochsUpToRung(trial.rung);
}

}  // namespace archpool
