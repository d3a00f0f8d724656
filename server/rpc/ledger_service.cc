// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/ledger_service.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/model/coins.h"
#include "common/wire/fields.h"
#include "common/wire/request_limits.h"
#include "server/rpc/records_to_proto.h"

namespace archpool::rpc {
namespace {

absl::StatusOr<Deposit> ReadDeposit(const v1::DepositRequest& request) {
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckName("account_name", request.account_name()));
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckRange("amount", request.amount(), limits::kDeposit));
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckPrintable(
      "request_id", request.request_id(), limits::kRequestIdLengthMax));
  return archpool::Deposit{.account_name = request.account_name(),
                           .amount = request.amount(),
                           .request_id = request.request_id()};
}

absl::StatusOr<TransferFilter> ReadFilter(
    const Account& caller, const v1::ListTransfersRequest& request) {
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckRanges(
      "", {{"page_size", request.page_size(), limits::kPageSize},
           {"before_transfer_id", request.before_transfer_id(),
            limits::kNotNegative},
           {"task_id", request.task_id(), limits::kNotNegative}}));
  TransferFilter filter;
  if (caller.role != Role::kOperator) filter.place = Place::Of(caller.id);
  if (request.task_id() != 0) filter.task = TaskId{request.task_id()};
  filter.before = TransferId{request.before_transfer_id()};
  filter.limit =
      request.page_size() == 0 ? limits::kPageSizeDefault : request.page_size();
  return filter;
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
  const std::string place = NameOf(found[0].to, accounts_);
  if (found[0].amount == request.amount() &&
      place == absl::StrCat("account:", request.account_name())) {
    return absl::OkStatus();
  }
  return AlreadyExists(
      "REQUEST_ID_REUSED",
      absl::StrCat("request_id was used for the deposit of ",
                   FormatCoins(found[0].amount), " coins to ", place,
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
                     });
               });
}

grpc::ServerUnaryReactor* LedgerService::GetBalances(
    grpc::CallbackServerContext* context, const v1::GetBalancesRequest* request,
    v1::GetBalancesResponse* response) {
  return Serve(
      gate_, context, "/archpool.v1.LedgerService/GetBalances", request,
      response, [this](const auto& accepted) {
        RunOn(executor_, accepted, [this](const auto& call) -> absl::Status {
          ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Balance> balances,
                                    reader_.Balances());
          for (const Balance& balance : balances) {
            if (call.caller.role != Role::kOperator &&
                balance.place != Place::Of(call.caller.id)) {
              continue;
            }
            v1::Balance* to = call.response->add_balances();
            to->set_place(NameOf(balance.place, accounts_));
            to->set_amount(balance.amount);
          }
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* LedgerService::ListTransfers(
    grpc::CallbackServerContext* context,
    const v1::ListTransfersRequest* request,
    v1::ListTransfersResponse* response) {
  return Serve(
      gate_, context, "/archpool.v1.LedgerService/ListTransfers", request,
      response, [this](const auto& accepted) {
        RunOn(executor_, accepted, [this](const auto& call) -> absl::Status {
          ARCHPOOL_ASSIGN_OR_RETURN(const TransferFilter filter,
                                    ReadFilter(call.caller, *call.request));
          ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Transfer> transfers,
                                    reader_.Transfers(filter));
          for (const Transfer& transfer : transfers) {
            *call.response->add_transfers() = ToProto(transfer, accounts_);
          }
          return absl::OkStatus();
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
                         call.response->set_debits(check.debits);
                         call.response->set_credits(check.credits);
                         return absl::OkStatus();
                       });
               });
}

}  // namespace archpool::rpc
