// SPDX-License-Identifier: Apache-2.0
#include "common/model/coins.h"

#include "common/base/millionths.h"

namespace archpool {

std::string FormatCoins(Amount amount) {
  static_assert(kAmountPerCoin == 1'000'000);
  return FormatMillionths(amount);
}

}  // namespace archpool
