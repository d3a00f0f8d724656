// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/receipts.h"
#include "server/core/money/money.h"

namespace archpool::money {

void HandFirstReceipts(Step& step) {
  if (step.state.last_ids().receipt > 0) return;
  for (const auto& [id, account] : step.state.accounts().all()) {
    const Amount balance = step.state.money().BalanceOf(Place::Of(id));
    if (balance > 0) step.state.Hand(id, CarriedReceipt{balance});
  }
  for (const auto& [id, task] : step.state.tasks().all()) {
    for (const TrialId trial_id : step.state.IndexOf(id).trials) {
      const Trial& trial = *step.state.Find(trial_id);
      if (const auto verdict = VerdictOf(nullptr, trial, task)) {
        step.state.Hand(trial.account, *verdict);
      }
      if (const auto credit = CreditOf(nullptr, trial)) {
        step.state.Hand(trial.account, *credit);
      }
    }
  }
  for (const auto& [id, payout] : step.state.money().payouts()) {
    PayoutReceipt receipt = ReceiptOf(payout);
    receipt.state = kPayoutCarried;
    step.state.Hand(payout.account, receipt);
  }
}

}  // namespace archpool::money
