// SPDX-License-Identifier: Apache-2.0
// Amounts of money as people read them. Pure functions; thread-safe.
#ifndef ARCHPOOL_COMMON_MODEL_COINS_H_
#define ARCHPOOL_COMMON_MODEL_COINS_H_

#include <string>

#include "common/model/ids.h"

namespace archpool {

// In coins, exact and without trailing zeros: 12'500'000 as "12.5". Every
// message, log, help text and table that names an amount uses it; only the
// wire and the store hold millionths.
std::string FormatCoins(Amount amount);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_MODEL_COINS_H_
