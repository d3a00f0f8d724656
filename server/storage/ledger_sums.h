// SPDX-License-Identifier: Apache-2.0
// What every check of a ledger does with sums, whatever the store.
#ifndef ARCHPOOL_SERVER_STORAGE_LEDGER_SUMS_H_
#define ARCHPOOL_SERVER_STORAGE_LEDGER_SUMS_H_

#include <string>
#include <vector>

#include "server/storage/store.h"

namespace archpool {

std::string DecimalText(LedgerSum value);

// Whether the balances add up to nothing, are what the transfers make, and are
// not negative; adds what is wrong to `check`.
void CheckBalances(const LedgerSums& recomputed,
                   const std::vector<Balance>& balances, LedgerCheck& check);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_LEDGER_SUMS_H_
