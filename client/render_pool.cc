// SPDX-License-Identifier: Apache-2.0
#include "client/render_pool.h"

#include "absl/strings/str_cat.h"
#include "client/json.h"
#include "client/times.h"
#include "common/wire/words.h"

namespace archpool {
namespace {

using Align = Table::Align;

Color ColorOf(v1::Account::State state) {
  return state == v1::Account::STATE_SUSPENDED ? Color::kRed : Color::kGreen;
}

}  // namespace

std::string RenderAccounts(const v1::ListAccountsResponse& response,
                           const Terminal& terminal) {
  Table table({{"account", Align::kRight},
               {"role"},
               {"state"},
               {"accepted", Align::kRight},
               {"rejected", Align::kRight},
               {"abandoned", Align::kRight},
               {"name"}});
  for (const v1::Account& account : response.accounts()) {
    const bool is_miner = account.role() == v1::ROLE_MINER;
    const auto count = [is_miner](int64_t value) {
      return is_miner ? absl::StrCat(value) : std::string("-");
    };
    table.AddRow({absl::StrCat(account.account_id()),
                  wire::WordOf(account.role()),
                  {wire::WordOf(account.state()), ColorOf(account.state())},
                  count(account.trials_accepted()),
                  count(account.trials_rejected()),
                  count(account.trials_abandoned()),
                  account.name()});
  }
  return table.Render(terminal, 0);
}

std::string RenderAccount(const v1::Account& account,
                          const Terminal& terminal) {
  std::string out = absl::StrCat(
      Paint(terminal, Color::kBold, Clean(account.name())), ", ",
      wire::WordOf(account.role()), ", ",
      Paint(terminal, ColorOf(account.state()), wire::WordOf(account.state())),
      "\n");
  if (account.role() != v1::ROLE_MINER) return out;
  absl::StrAppend(
      &out, "  trials  ", account.trials_accepted(), " accepted, ",
      account.trials_rejected(), " rejected, ", account.trials_abandoned(),
      " abandoned\n  shown   to ",
      account.is_public()
          ? "clients by its name\n"
          : absl::StrCat("clients as account-", account.account_id(), "\n"));
  if (account.state() == v1::Account::STATE_SUSPENDED) {
    absl::StrAppend(&out,
                    "  A suspended account gets no leases. `archpool miner "
                    "trials` says which trials\n  were rejected and why; the "
                    "pool's operator can lift it.\n");
  }
  return out;
}

std::string RenderMaintenance(const v1::Maintenance& maintenance,
                              absl::Time now, const Terminal& terminal) {
  if (!maintenance.is_on()) return "";
  return absl::StrCat(
      Paint(terminal, Color::kYellow, "The pool is in maintenance"), " for ",
      FormatSpan(now - ToTime(maintenance.since_time())),
      ": nothing is leased, and no deadline runs.\n");
}

std::string RenderSteps(const v1::WorkerStatus& worker,
                        const Terminal& terminal, size_t width) {
  if (!worker.has_trial_id() || worker.steps() <= 0) return "";
  return absl::StrCat(Bar(terminal, worker.step(), worker.steps(), width), " ",
                      100 * worker.step() / worker.steps(), " %");
}

std::string RenderWorkers(const v1::ListWorkersResponse& response,
                          absl::Time now, const Terminal& terminal) {
  if (response.workers().empty()) return "No workers.\n";
  Table table({{"account"},
               {"worker"},
               {"activity"},
               {"trial", Align::kRight},
               {"heard", Align::kRight},
               {"progress"}});
  for (const v1::WorkerStatus& worker : response.workers()) {
    const bool is_silent = worker.activity() == v1::WORKER_ACTIVITY_SILENT;
    table.AddRow(
        {worker.account_name(),
         worker.worker_name(),
         {wire::WordOf(worker.activity()),
          is_silent ? Color::kYellow : Color::kNone},
         worker.has_trial_id() ? absl::StrCat(worker.trial_id()) : "-",
         absl::StrCat(FormatSpan(now - ToTime(worker.last_seen_time())),
                      " ago"),
         RenderSteps(worker, terminal, 16)});
  }
  return table.Render(terminal, 0);
}

std::string RenderBalances(const v1::ListBalancesResponse& response,
                           const Terminal& terminal) {
  if (response.balances().empty()) return "No money yet.\n";
  Table table({{"coins", Align::kRight}, {"place"}});
  for (const v1::Balance& balance : response.balances()) {
    table.AddRow(
        {FormatCoins(balance.amount_micros()), TextOf(balance.place())});
  }
  return table.Render(terminal, 0);
}

std::string RenderTransfers(const v1::ListTransfersResponse& response,
                            const Terminal& terminal) {
  if (response.transfers().empty()) return "No transfers.\n";
  Table table({{"transfer", Align::kRight},
               {"time"},
               {"kind"},
               {"coins", Align::kRight},
               {"from and to"}});
  for (const v1::Transfer& transfer : response.transfers()) {
    table.AddRow({absl::StrCat(transfer.transfer_id()),
                  FormatMoment(ToTime(transfer.create_time())),
                  wire::WordOf(transfer.kind()),
                  FormatCoins(transfer.amount_micros()),
                  absl::StrCat(TextOf(transfer.debit_place()), " > ",
                               TextOf(transfer.credit_place()))});
  }
  return table.Render(terminal, 0);
}

std::string RenderExplanations(const v1::ExplainResponse& response,
                               const Terminal& terminal) {
  std::string out;
  for (const v1::Explanation& one : response.explanations()) {
    absl::StrAppend(
        &out, out.empty() ? "" : "\n",
        Paint(terminal, Color::kBold, Clean(one.reason())),
        one.has_trial_id()
            ? absl::StrCat(" (for example trial-", one.trial_id(), ")")
            : "",
        "\n", Wrap(Clean(one.message()), terminal.width, 2),
        Wrap(absl::StrCat("> ", Clean(one.advice())), terminal.width, 2));
  }
  return out;
}

std::string RenderPayouts(const v1::ListPayoutsResponse& response,
                          const Terminal& terminal) {
  if (response.payouts().empty()) return "No payouts.\n";
  Table table({{"payout", Align::kRight},
               {"time"},
               {"account"},
               {"coins", Align::kRight},
               {"state"},
               {"to"}});
  for (const v1::Payout& payout : response.payouts()) {
    const v1::PayoutState state = payout.state();
    const Color color = state == v1::PAYOUT_STATE_SETTLED   ? Color::kGreen
                        : state == v1::PAYOUT_STATE_REFUSED ? Color::kRed
                        : state == v1::PAYOUT_STATE_UNKNOWN ? Color::kYellow
                                                            : Color::kNone;
    table.AddRow(
        {absl::StrCat(payout.payout_id()),
         FormatMoment(ToTime(payout.create_time())),
         payout.account_name(),
         FormatCoins(payout.amount_micros()),
         {wire::WordOf(state), color},
         absl::StrCat(payout.address(), payout.reference().empty() ? "" : ", ",
                      payout.reference(), payout.reason().empty() ? "" : ", ",
                      payout.reason())});
  }
  return table.Render(terminal, 0);
}

std::string RenderLedgerCheck(const v1::CheckLedgerResponse& response,
                              const Terminal& terminal) {
  std::string out;
  for (const std::string& violation : response.violations()) {
    absl::StrAppend(&out, Paint(terminal, Color::kRed, "violation: "),
                    Clean(violation), "\n");
  }
  absl::StrAppend(&out,
                  response.violations().empty()
                      ? Paint(terminal, Color::kGreen, "The ledger is sound")
                      : Paint(terminal, Color::kRed, "The ledger is not sound"),
                  ": ", FormatCount(response.transfers()), " transfers, ",
                  FormatCoins(Clean(response.debits_micros())),
                  " coins debited and ",
                  FormatCoins(Clean(response.credits_micros())), " credited\n");
  return out;
}

}  // namespace archpool
