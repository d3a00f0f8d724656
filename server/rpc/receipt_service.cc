// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/receipt_service.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/wire/fields.h"
#include "common/wire/request_limits.h"
#include "server/receipts/notary.h"
#include "server/rpc/paging.h"

namespace archpool::rpc {
namespace {

// The account whose receipts the caller may see: operators see the pool's own
// books.
AccountId AccountOf(const Account& caller) {
  return caller.role == Role::kOperator ? AccountId() : caller.id;
}

// Where a page begins: behind the page before, or behind what the caller has.
template <typename Request>
int64_t BeginOf(const Page& page, const Request& request, int64_t had) {
  return request.page_token().empty() ? had : page.after_id();
}

absl::Status FillStatement(const SealedReceipts& sealed, AccountId account,
                           v1::GetStatementResponse* response) {
  const Seal& seal = sealed.latest.seal;
  if (account.value >= seal.statements) {
    return NotFound("NO_SEAL",
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
  response->set_seal_number(seal.number);
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
        RunOn(
            parts_.executor, accepted,
            [this](const auto& call) -> absl::Status {
              const v1::ListReceiptsRequest& asked = *call.request;
              ARCHPOOL_RETURN_IF_ERROR(
                  wire::CheckRange("after_receipt_id", asked.after_receipt_id(),
                                   limits::kNotNegative));
              ARCHPOOL_ASSIGN_OR_RETURN(Page page,
                                        Page::Read("ListReceipts", "", asked));
              ARCHPOOL_ASSIGN_OR_RETURN(
                  const std::vector<Receipt> receipts,
                  parts_.store.ReceiptsOf(
                      AccountOf(call.caller),
                      ReceiptId{BeginOf(page, asked, asked.after_receipt_id())},
                      page.limit()));
              for (const Receipt& receipt : receipts) {
                if (page.IsFull()) {
                  call.response->set_next_page_token(page.NextToken());
                  break;
                }
                call.response->add_receipts(receipt.content);
                page.Add(receipt.content.size(),
                         absl::StrCat(receipt.id.value));
              }
              return absl::OkStatus();
            });
      });
}

grpc::ServerUnaryReactor* ReceiptService::ListSeals(
    grpc::CallbackServerContext* context, const v1::ListSealsRequest* request,
    v1::ListSealsResponse* response) {
  return Serve(
      parts_.gate, context, "/archpool.v1.ReceiptService/ListSeals", request,
      response, [this](const auto& accepted) {
        RunOn(
            parts_.executor, accepted,
            [this](const auto& call) -> absl::Status {
              const v1::ListSealsRequest& asked = *call.request;
              ARCHPOOL_RETURN_IF_ERROR(wire::CheckRange(
                  "after_number", asked.after_number(), limits::kNotNegative));
              ARCHPOOL_ASSIGN_OR_RETURN(Page page,
                                        Page::Read("ListSeals", "", asked));
              ARCHPOOL_ASSIGN_OR_RETURN(
                  const std::vector<SignedSeal> seals,
                  parts_.store.Seals(BeginOf(page, asked, asked.after_number()),
                                     page.limit()));
              FillPage(
                  page, seals,
                  [&](const SignedSeal& seal) -> const v1::Seal& {
                    v1::Seal* const to = call.response->add_seals();
                    to->set_content(Encode(seal.seal));
                    to->set_signature(seal.signature.AsBytes());
                    return *to;
                  },
                  [](const SignedSeal& seal) { return seal.seal.number; },
                  call.response);
              return absl::OkStatus();
            });
      });
}

}  // namespace archpool::rpc
