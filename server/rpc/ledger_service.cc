// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/ledger_service.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "common/model/coins.h"
#include "common/wire/fields.h"
#include "common/wire/request_limits.h"
#include "server/rpc/paging.h"
#include "server/rpc/records_to_proto.h"

namespace archpool::rpc {
namespace {

absl::StatusOr<Deposit> ReadDeposit(const v1::DepositRequest& request) {
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckName("account_name", request.account_name()));
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckRange(
      "amount_micros", request.amount_micros(), limits::kDeposit));
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckPrintable(
      "request_id", request.request_id(), limits::kRequestIdLengthMax));
  return archpool::Deposit{.account_name = request.account_name(),
                           .amount = request.amount_micros(),
                           .request_id = request.request_id()};
}

// The last place of a page, as text: what a page begins behind.
std::string CursorOf(const Place& place) {
  return absl::StrCat(ToString(place.kind), ":", place.id);
}

std::optional<Place> PlaceOf(absl::string_view cursor) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(cursor, absl::MaxSplits(':', 1));
  const std::optional<PlaceKind> kind = FindWord<PlaceKind>(parts.first);
  Place place;
  if (!kind || !absl::SimpleAtoi(parts.second, &place.id)) return std::nullopt;
  place.kind = *kind;
  return place;
}

}  // namespace

// A used request id answers what it was used for: a caller who meant another
// deposit must not believe that it was made.
absl::Status LedgerService::CheckDeposit(const v1::DepositRequest& request,
                                         TransferId id) const {
  TransferFilter filter;
  filter.before = TransferId{id.value + 1};
  filter.limit = 1;
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Transfer> found,
                            reader_.Transfers(filter));
  if (found.empty() || found[0].id != id) {
    return Internal("STORE_CORRUPT", "the deposit's transfer is not there");
  }
  const v1::Place place = ToProto(found[0].to, accounts_);
  if (found[0].amount == request.amount_micros() &&
      place.account_name() == request.account_name()) {
    return absl::OkStatus();
  }
  return AlreadyExists(
      "REQUEST_ID_REUSED",
      absl::StrCat("request_id was used for the deposit of ",
                   FormatCoins(found[0].amount), " coins to ",
                   place.account_name(),
                   ", and nothing was deposited now; give another one"));
}

grpc::ServerUnaryReactor* LedgerService::Deposit(
    grpc::CallbackServerContext* context, const v1::DepositRequest* request,
    v1::DepositResponse* response) {
  return Serve(gate_, context, "/archpool.v1.LedgerService/Deposit", request,
               response, [this](const auto& accepted) {
                 absl::StatusOr<archpool::Deposit> command =
                     ReadDeposit(*accepted.request);
                 if (!command.ok()) return accepted.finish(command.status());
                 command->by = accepted.caller.id;
                 engine_.Submit<archpool::Deposit>(
                     *std::move(command),
                     [this, accepted](absl::StatusOr<TransferId> transfer) {
                       if (!transfer.ok())
                         return accepted.finish(transfer.status());
                       accepted.response->set_transfer_id(transfer->value);
                       RunOn(executor_, accepted,
                             [this, id = *transfer](const auto& call) {
                               return CheckDeposit(*call.request, id);
                             });
                     },
                     accepted.caller.id);
               });
}

absl::Status LedgerService::List(const BalancesCall& call) {
  ARCHPOOL_ASSIGN_OR_RETURN(Page page,
                            Page::Read("ListBalances", "", *call.request));
  BalanceFilter filter;
  if (call.caller.role != Role::kOperator) {
    filter.place = Place::Of(call.caller.id);
  }
  filter.after = PlaceOf(page.cursor());
  filter.limit = page.limit();
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Balance> balances,
                            reader_.Balances(filter));
  for (const Balance& balance : balances) {
    if (page.IsFull()) {
      call.response->set_next_page_token(page.NextToken());
      break;
    }
    v1::Balance* const to = call.response->add_balances();
    *to->mutable_place() = ToProto(balance.place, accounts_);
    to->set_amount_micros(balance.amount);
    page.Add(to->ByteSizeLong(), CursorOf(balance.place));
  }
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* LedgerService::ListBalances(
    grpc::CallbackServerContext* context,
    const v1::ListBalancesRequest* request,
    v1::ListBalancesResponse* response) {
  return Serve(gate_, context, "/archpool.v1.LedgerService/ListBalances",
               request, response, [this](const auto& accepted) {
                 RunOn(executor_, accepted,
                       [this](const BalancesCall& call) { return List(call); });
               });
}

absl::Status LedgerService::List(const TransfersCall& call) {
  const v1::ListTransfersRequest& request = *call.request;
  TransferFilter filter;
  if (call.caller.role != Role::kOperator) {
    filter.place = Place::Of(call.caller.id);
  }
  if (request.has_task_id()) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        filter.task, wire::ReadId<TaskId>("task_id", request.task_id()));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      Page page,
      Page::Read("ListTransfers", absl::StrCat(request.task_id()), request));
  filter.before = TransferId{page.after_id()};
  filter.limit = page.limit();
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Transfer> transfers,
                            reader_.Transfers(filter));
  FillPage(
      page, transfers,
      [&](const Transfer& transfer) -> const v1::Transfer& {
        return *call.response->add_transfers() = ToProto(transfer, accounts_);
      },
      [](const Transfer& transfer) { return transfer.id.value; },
      call.response);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* LedgerService::ListTransfers(
    grpc::CallbackServerContext* context,
    const v1::ListTransfersRequest* request,
    v1::ListTransfersResponse* response) {
  return Serve(gate_, context, "/archpool.v1.LedgerService/ListTransfers",
               request, response, [this](const auto& accepted) {
                 RunOn(executor_, accepted, [this](const TransfersCall& call) {
                   return List(call);
                 });
               });
}

grpc::ServerUnaryReactor* LedgerService::CheckLedger(
    grpc::CallbackServerContext* context, const v1::CheckLedgerRequest* request,
    v1::CheckLedgerResponse* response) {
  return Serve(gate_, context, "/archpool.v1.LedgerService/CheckLedger",
               request, response, [this](const auto& accepted) {
                 RunOn(executor_, accepted,
                       [this](const auto& call) -> absl::Status {
                         ARCHPOOL_ASSIGN_OR_RETURN(const LedgerCheck check,
                                                   reader_.CheckLedger());
                         for (const std::string& violation : check.violations) {
                           call.response->add_violations(violation);
                         }
                         call.response->set_transfers(check.transfers);
                         call.response->set_debits_micros(check.debits);
                         call.response->set_credits_micros(check.credits);
                         return absl::OkStatus();
                       });
               });
}

}  // namespace archpool::rpc
