// SPDX-License-Identifier: Apache-2.0
// archpool ledger ...
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "client/context.h"
#include "client/doubt.h"
#include "client/map_reader.h"
#include "client/render_pool.h"
#include "common/base/status.h"
#include "common/crypto/random.h"
#include "common/model/ids.h"

namespace archpool {
namespace {

struct TransferFlags {
  int64_t task_id = 0;  // 0: of all
  int64_t count_max = 100;
};

struct DepositFlags {
  std::string account;
  std::string amount;
  std::string request_id;
};

absl::Status ShowBalances(Context& context) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(const v1::ListBalancesResponse response,
                            client->ListBalances());
  context.Show(ListToJson(response.balances()),
               RenderBalances(response, context.terminal()));
  return absl::OkStatus();
}

absl::Status ShowTransfers(Context& context, const TransferFlags& flags) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  v1::ListTransfersRequest request;
  if (flags.task_id != 0) request.set_task_id(flags.task_id);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::ListTransfersResponse response,
      client->ListAll(client->ledger(), &LedgerStub::ListTransfers, request,
                      &v1::ListTransfersResponse::mutable_transfers,
                      flags.count_max));
  context.Show(ListToJson(response.transfers()),
               RenderTransfers(response, context.terminal()));
  return absl::OkStatus();
}

absl::Status MakeDeposit(Context& context, const DepositFlags& flags) {
  const std::optional<int64_t> amount = ParseMillionths(flags.amount);
  if (!amount.has_value() || *amount < 1 || *amount > kAmountMax) {
    return InvalidArgument(
        "AMOUNT_MALFORMED",
        absl::StrCat("--amount ", Clean(flags.amount),
                     " is no amount: give coins with up to six decimals, from "
                     "0.000001 to ",
                     FormatCoins(kAmountMax)));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  v1::DepositRequest request;
  request.set_account_name(flags.account);
  request.set_amount_micros(*amount);
  request.set_request_id(flags.request_id.empty() ? RandomSecret().ToString()
                                                  : flags.request_id);
  const absl::StatusOr<v1::DepositResponse> response =
      client->Call(client->ledger(), &LedgerStub::Deposit, request);
  if (!response.ok() && IsInDoubt(response.status())) {
    return InDoubt(response.status(),
                   absl::StrCat("the deposit may have been booked: archpool "
                                "ledger transfers tells. With --request-id ",
                                request.request_id(),
                                " the same command books nothing twice"));
  }
  ARCHPOOL_RETURN_IF_ERROR(response.status());
  context.Show({{"transfer_id", response->transfer_id()},
                {"account", flags.account},
                {"amount", FormatCoins(*amount)}},
               absl::StrCat("Account ", Clean(flags.account), " has ",
                            FormatCoins(*amount), " coins more (transfer ",
                            response->transfer_id(), ").\n"));
  return absl::OkStatus();
}

absl::Status CheckBooks(Context& context) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::CheckLedgerResponse response,
      client->Call(client->ledger(), &LedgerStub::CheckLedger,
                   v1::CheckLedgerRequest()));
  context.Show(ToJson(response),
               RenderLedgerCheck(response, context.terminal()));
  if (response.violations().empty()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kDataLoss, "LEDGER_UNSOUND",
                   "the ledger breaks its rules: stop the pool and look at the "
                   "transfers that are named");
}

}  // namespace

void AddLedgerCommands(CLI::App& app, Action& action) {
  CLI::App* group = app.add_subcommand("ledger", "Money in the pool");
  group->require_subcommand(1);

  group->add_subcommand("balance", "Show balances (operators: all accounts)")
      ->callback([&action] { action = ShowBalances; });

  const auto listing = std::make_shared<TransferFlags>();
  CLI::App* transfers = group->add_subcommand(
      "transfers", "List transfers, newest first (operators: of all accounts)");
  transfers
      ->add_option("--task", listing->task_id, "Only transfers of this task")
      ->check(CLI::Range(int64_t{1}, INT64_MAX));
  transfers->add_option("--limit", listing->count_max, "Maximum number of rows")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  transfers->callback([&action, listing] {
    action = [listing](Context& c) { return ShowTransfers(c, *listing); };
  });

  const auto flags = std::make_shared<DepositFlags>();
  CLI::App* deposit = group->add_subcommand(
      "deposit", "Credit money from outside to an account (operators)");
  deposit->add_option("--account", flags->account, "The account's name")
      ->required();
  deposit
      ->add_option("--amount", flags->amount,
                   "In coins, with up to six decimals")
      ->required();
  deposit->add_option("--request-id", flags->request_id,
                      "A second deposit with the same id does nothing");
  deposit->footer(
      "Example:\n  archpool --token-file operator.token ledger deposit "
      "--account acme --amount 1000");
  deposit->callback([&action, flags] {
    action = [flags](Context& c) { return MakeDeposit(c, *flags); };
  });

  group
      ->add_subcommand("check",
                       "Whether debits equal credits and nothing is negative; "
                       "exit code 1 where not (operators)")
      ->callback([&action] { action = CheckBooks; });
}

}  // namespace archpool
