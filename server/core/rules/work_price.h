// SPDX-License-Identifier: Apache-2.0
// What a task pays for work: its work pot over its budgeted units, without the
// finder's bonus. Prices are whole micro-coins for an hour of the reference
// core, which people can compare; the pots themselves are split exactly.
#ifndef ARCHPOOL_SERVER_CORE_RULES_WORK_PRICE_H_
#define ARCHPOOL_SERVER_CORE_RULES_WORK_PRICE_H_

#include <cstdint>
#include <string>

#include "common/model/ids.h"
#include "server/core/records/entities.h"

namespace archpool {

// A work unit is a microsecond of the reference core.
inline constexpr WorkUnits kUnitsPerCoreHour = 3'600'000'000;

// ⌊work_pot · kUnitsPerCoreHour / work_units⌋, at most kAmountMax.
// REQUIRES: work_pot in [0, kAmountMax]; work_units > 0.
Amount PricePerCoreHour(Amount work_pot, WorkUnits work_units);
Amount PricePerCoreHour(const Task& task);

// The least work pot that pays `price` for `work_units`; kAmountMax + 1 where
// no pot does.
Amount WorkPotFor(Amount price, WorkUnits work_units);

// "12.5 coins a core hour".
std::string DescribePrice(Amount price);

// The epochs that the trial trains: of its rung, or from the start.
int64_t EpochsOf(const Recipe& recipe, const Trial& trial);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RULES_WORK_PRICE_H_
