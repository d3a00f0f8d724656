// SPDX-License-Identifier: Apache-2.0
// Which receipts follow from a record's change (common/model/receipt.h). Pure.
#ifndef ARCHPOOL_SERVER_CORE_LEAVES_RECEIPTS_H_
#define ARCHPOOL_SERVER_CORE_LEAVES_RECEIPTS_H_

#include <optional>

#include "common/model/receipt.h"
#include "server/core/leaves/pplns.h"
#include "server/core/leaves/reward.h"
#include "server/core/records/entities.h"

namespace archpool {

// A verdict, where `after` has another one than `before` (nullptr: none); never
// of a result that the client knew before.
std::optional<VerdictReceipt> VerdictOf(const Trial* before, const Trial& after,
                                        const Task& task);
// A credit that has matured, likewise.
std::optional<CreditReceipt> CreditOf(const Trial* before, const Trial& after);
TransferReceipt ReceiptOf(const Transfer& transfer);
PayoutReceipt ReceiptOf(const Payout& payout);
// Whether the payout is new or has ended: nothing else is shown of it.
bool IsShown(const Payout& payout);
// What the account is paid for `units` of the `total` that the task's pot is
// split into, after `before` units of other accounts.
ShareReceipt ProportionalShareOf(const Task& task, WorkUnits before,
                                 WorkUnits units, WorkUnits total,
                                 Amount amount);
ShareReceipt ReceiptOf(const Task& task, const WindowShare& share);
ShareReceipt ReceiptOf(const Task& task, const FinderShare& share);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_LEAVES_RECEIPTS_H_
