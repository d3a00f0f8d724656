// SPDX-License-Identifier: Apache-2.0
// Amounts of money as people read them. Pure functions; thread-safe.
#ifndef ARCHPOOL_COMMON_MODEL_COINS_H_
#define ARCHPOOL_COMMON_MODEL_COINS_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "common/model/ids.h"

namespace archpool {

// In coins, exact and without trailing zeros: 12'500'000 as "12.5". Every
// message, log, help text and table that names an amount uses it; only the
// wire and the store hold millionths.
std::string FormatCoins(Amount amount);

// What FormatCoins writes of an amount that is no less than 0, and no more than
// kAmountMax; up to six decimals. nullopt of anything else.
std::optional<Amount> ParseCoins(absl::string_view text);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_MODEL_COINS_H_
