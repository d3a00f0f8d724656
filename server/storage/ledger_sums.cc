// SPDX-License-Identifier: Apache-2.0
#include "server/storage/ledger_sums.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace archpool {

std::string DecimalText(LedgerSum value) {
  if (value == 0) return "0";
  std::string digits;
  for (LedgerSum rest = value < 0 ? -value : value; rest > 0; rest /= 10) {
    digits += static_cast<char>('0' + static_cast<int>(rest % 10));
  }
  if (value < 0) digits += '-';
  std::reverse(digits.begin(), digits.end());
  return digits;
}

void CheckBalances(const LedgerSums& recomputed,
                   const std::vector<Balance>& balances, LedgerCheck& check) {
  LedgerSum sum = 0;
  LedgerSums recorded;
  for (const auto& [place, amount] : recomputed) recorded[place] = 0;
  for (const Balance& balance : balances) {
    sum += balance.amount;
    recorded[balance.place] = balance.amount;
  }
  if (sum != 0) {
    check.violations.push_back(absl::StrCat("the balances add up to ",
                                            DecimalText(sum), ", not to 0"));
  }
  for (const auto& [place, amount] : recorded) {
    const auto found = recomputed.find(place);
    const LedgerSum made = found == recomputed.end() ? 0 : found->second;
    if (amount == made) continue;
    check.violations.push_back(absl::StrCat(
        "the balance of ", ToString(place), " is ", DecimalText(amount),
        ", its transfers make ", DecimalText(made)));
  }
  for (const auto& [place, amount] : recorded) {
    if (amount >= 0 || place.kind == PlaceKind::kOutside) continue;
    check.violations.push_back(absl::StrCat("the balance of ", ToString(place),
                                            " is ", DecimalText(amount),
                                            ", below 0"));
  }
}

}  // namespace archpool
