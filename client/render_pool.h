// SPDX-License-Identifier: Apache-2.0
// Accounts, workers and money as pages for people. Pure functions.
#ifndef ARCHPOOL_CLIENT_RENDER_POOL_H_
#define ARCHPOOL_CLIENT_RENDER_POOL_H_

#include <string>

#include "absl/time/time.h"
#include "archpool/v1/account.pb.h"
#include "archpool/v1/ledger.pb.h"
#include "archpool/v1/payout.pb.h"
#include "archpool/v1/pool.pb.h"
#include "client/text.h"

namespace archpool {

std::string RenderAccounts(const v1::ListAccountsResponse& response,
                           const Terminal& terminal);
// One account's standing.
std::string RenderAccount(const v1::Account& account, const Terminal& terminal);
// One line, ended; "" where there is no maintenance.
std::string RenderMaintenance(const v1::Maintenance& maintenance,
                              absl::Time now, const Terminal& terminal);
std::string RenderWorkers(const v1::ListWorkersResponse& response,
                          absl::Time now, const Terminal& terminal);
std::string RenderBalances(const v1::ListBalancesResponse& response,
                           const Terminal& terminal);
std::string RenderExplanations(const v1::ExplainResponse& response,
                               const Terminal& terminal);
std::string RenderPayouts(const v1::ListPayoutsResponse& response,
                          const Terminal& terminal);
std::string RenderTransfers(const v1::ListTransfersResponse& response,
                            const Terminal& terminal);
std::string RenderLedgerCheck(const v1::CheckLedgerResponse& response,
                              const Terminal& terminal);

// "[#####.....] 51 %" of the trial under way; "" where there is none.
std::string RenderSteps(const v1::WorkerStatus& worker,
                        const Terminal& terminal, size_t width);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_RENDER_POOL_H_
