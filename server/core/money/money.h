// SPDX-License-Identifier: Apache-2.0
// The money room: credit, the split of a reward, payouts, and with whom pay is
// shared. The pool and the rooms above it call this; it knows none of them.
#ifndef ARCHPOOL_SERVER_CORE_MONEY_MONEY_H_
#define ARCHPOOL_SERVER_CORE_MONEY_MONEY_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/core/commands/commands.h"
#include "server/core/state/step.h"

namespace archpool::money {

// FAILED_PRECONDITION (ACCOUNT_SUSPENDED): what the account holds, and where
// that is to go, stays as it is.
absl::Status CheckMayMoveMoney(const Account& account);

// Hands out receipts for what was before there were any: balances, the verdicts
// and credits of open tasks, payouts under way. Nothing where there are some.
void HandFirstReceipts(Step& step);
absl::StatusOr<Deposit::Reply> Execute(Step& step, const Deposit& command);
absl::StatusOr<SetPayoutTerms::Reply> Execute(Step& step,
                                              const SetPayoutTerms& command);
absl::StatusOr<SetRevenueSplit::Reply> Execute(Step& step,
                                               const SetRevenueSplit& command);
absl::StatusOr<SetShareConsent::Reply> Execute(Step& step,
                                               const SetShareConsent& command);
absl::StatusOr<RequestPayout::Reply> Execute(Step& step,
                                             const RequestPayout& command);
absl::StatusOr<BeginSends::Reply> Execute(Step& step,
                                          const BeginSends& command);
absl::StatusOr<DoubtSends::Reply> Execute(Step& step,
                                          const DoubtSends& command);
absl::StatusOr<ReviewPayouts::Reply> Execute(Step& step,
                                             const ReviewPayouts& command);
absl::StatusOr<ReportPayout::Reply> Execute(Step& step,
                                            const ReportPayout& command);
absl::StatusOr<BookLostPayout::Reply> Execute(Step& step,
                                              const BookLostPayout& command);

// New payout addresses that have waited are in force, a bounded number at a
// time.
void TakeUpAddresses(Step& step);

// The accepted trial's credit matures: from now on it is owed.
void Credit(Step& step, TrialId id);

// A trial that is about to be rejected although its credit had matured: its
// account is owed that much less. What it was paid through the window already,
// which nobody can take back.
Amount TakeCreditBack(Step& step, const Trial& trial);

// Steps of a settlement (leaves/settling.h, server/core/settle.cc), each over a
// bounded number of trials. False: there are more.
bool Collect(const Step& step, TaskId id, Settling& settling);
bool MatureSome(Step& step, TaskId id);
void Split(const Step& step, TaskId id, Settling& settling);
bool NotePays(Step& step, Settling& settling);
// Counts the trials as they are, once they are paid.
bool SumUp(const Step& step, TaskId id, Settling& settling);
// What is kept of the task for those who list it once it has ended.
// REQUIRES: SumUp has come to the end.
SummaryRecord SummaryOf(const PoolState& state, TaskId id,
                        const Settling& settling);
// Moves the money, and ends the task: the last.
void Post(Step& step, TaskId id, const Settlement& settlement);
std::vector<Trial> FinalistsOf(const PoolState& state,
                               const Settling& settling);

}  // namespace archpool::money

#endif  // ARCHPOOL_SERVER_CORE_MONEY_MONEY_H_
