// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/receipt_service.h"

#include <algorithm>
#include <vector>

#include "common/base/status.h"
#include "common/wire/fields.h"
#include "common/wire/request_limits.h"
#include "server/receipts/notary.h"

namespace archpool::rpc {
namespace {

// The account whose receipts the caller may see: operators see the pool's own
// books.
AccountId AccountOf(const Account& caller) {
  return caller.role == Role::kOperator ? AccountId() : caller.id;
}

int64_t LimitOf(int64_t page_size) {
  return page_size == 0 ? limits::kPageSize.max : page_size;
}

absl::Status FillStatement(const SealedReceipts& sealed, AccountId account,
                           v1::GetStatementResponse* response) {
  const Seal& seal = sealed.latest.seal;
  if (account.value >= seal.statements) {
    return NotFound("NO_EPOCH",
                    "no seal covers this account yet; ask again in some "
                    "minutes");
  }
  AccountReceipts own{.account = account};
  for (const AccountReceipts& one : sealed.accounts) {
    if (one.account == account) own = one;
  }
  // As it was sealed: later accounts have no statement yet.
  const std::vector<Digest> leaves =
      StatementLeaves(sealed.accounts, AccountId{seal.statements - 1});
  response->set_epoch_number(seal.number);
  response->set_statement(Encode(StatementOf(own)));
  response->set_receipts(own.tree.count());
  for (const Digest& sibling : MerkleProof(leaves, account.value)) {
    response->add_siblings(sibling.AsBytes());
  }
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* ReceiptService::GetStatement(
    grpc::CallbackServerContext* context,
    const v1::GetStatementRequest* request,
    v1::GetStatementResponse* response) {
  return Serve(parts_.gate, context, "/archpool.v1.ReceiptService/GetStatement",
               request, response, [this](const auto& accepted) {
                 RunOn(parts_.executor, accepted,
                       [this](const auto& call) -> absl::Status {
                         ARCHPOOL_ASSIGN_OR_RETURN(const SealedReceipts sealed,
                                                   parts_.store.Sealed());
                         call.response->set_pool_key(parts_.pool_key.AsBytes());
                         return FillStatement(sealed, AccountOf(call.caller),
                                              call.response);
                       });
               });
}

grpc::ServerUnaryReactor* ReceiptService::ListReceipts(
    grpc::CallbackServerContext* context,
    const v1::ListReceiptsRequest* request,
    v1::ListReceiptsResponse* response) {
  return Serve(
      parts_.gate, context, "/archpool.v1.ReceiptService/ListReceipts", request,
      response, [this](const auto& accepted) {
        RunOn(parts_.executor, accepted,
              [this](const auto& call) -> absl::Status {
                const v1::ListReceiptsRequest& asked = *call.request;
                ARCHPOOL_RETURN_IF_ERROR(wire::CheckRanges(
                    "", {{"page_size", asked.page_size(), limits::kPageSize},
                         {"after_receipt_id", asked.after_receipt_id(),
                          limits::kNotNegative}}));
                ARCHPOOL_ASSIGN_OR_RETURN(
                    const std::vector<Receipt> receipts,
                    parts_.store.ReceiptsOf(AccountOf(call.caller),
                                            ReceiptId{asked.after_receipt_id()},
                                            LimitOf(asked.page_size())));
                for (const Receipt& receipt : receipts) {
                  call.response->add_receipts(receipt.content);
                }
                return absl::OkStatus();
              });
      });
}

grpc::ServerUnaryReactor* ReceiptService::ListEpochs(
    grpc::CallbackServerContext* context, const v1::ListEpochsRequest* request,
    v1::ListEpochsResponse* response) {
  return Serve(
      parts_.gate, context, "/archpool.v1.ReceiptService/ListEpochs", request,
      response, [this](const auto& accepted) {
        RunOn(parts_.executor, accepted,
              [this](const auto& call) -> absl::Status {
                const v1::ListEpochsRequest& asked = *call.request;
                ARCHPOOL_RETURN_IF_ERROR(wire::CheckRanges(
                    "", {{"page_size", asked.page_size(), limits::kPageSize},
                         {"after_number", asked.after_number(),
                          limits::kNotNegative}}));
                ARCHPOOL_ASSIGN_OR_RETURN(
                    const std::vector<SignedSeal> seals,
                    parts_.store.Seals(asked.after_number(),
                                       LimitOf(asked.page_size())));
                for (const SignedSeal& seal : seals) {
                  v1::Epoch* to = call.response->add_epochs();
                  to->set_content(Encode(seal.seal));
                  to->set_signature(seal.signature.AsBytes());
                }
                return absl::OkStatus();
              });
      });
}

}  // namespace archpool::rpc
