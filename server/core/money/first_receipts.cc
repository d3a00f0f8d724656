#include "server/core/leaves/receipts.h"
#include "server/core/pool_internal.h"

namespace archpool::internal {

void BeginReceipts(PoolState& state) {
  for (const auto& [id, account] : state.accounts()) {
    const Amount balance = state.BalanceOf(Place::Of(id));
    if (balance > 0) state.Hand(id, CarriedReceipt{balance});
  }
  for (const auto& [id, task] : state.tasks()) {
    for (const TrialId trial_id : state.IndexOf(id).trials) {
      const Trial& trial = *state.Find(trial_id);
      if (const auto verdict = VerdictOf(nullptr, trial, task)) {
        state.Hand(trial.account, *verdict);
      }
      if (const auto credit = CreditOf(nullptr, trial)) {
        state.Hand(trial.account, *credit);
      }
    }
  }
  for (const auto& [id, payout] : state.payouts()) {
    PayoutReceipt receipt = ReceiptOf(payout);
    receipt.state = kPayoutCarried;
    state.Hand(payout.account, receipt);
  }
}

}  // namespace archpool::internal
