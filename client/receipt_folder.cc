// SPDX-License-Identifier: Apache-2.0
#include "client/receipt_folder.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/data/read_file.h"
#include "common/wire/request_limits.h"

namespace archpool {
namespace {

constexpr int64_t kFileBytesMax = int64_t{4} << 30;

std::string SealsPath(const std::string& directory) {
  return absl::StrCat(directory, "/seals.bin");
}
std::string StatementPath(const std::string& directory) {
  return absl::StrCat(directory, "/statement.bin");
}
std::string ReceiptsPath(const std::string& directory) {
  return absl::StrCat(directory, "/receipts.bin");
}

absl::Status Moved() {
  return Unavailable("RECEIPTS_MOVED",
                     "the pool made a seal meanwhile; fetch again");
}

// Adds the seals up to number `last`.
absl::Status FetchSeals(PoolClient& client, int64_t last,
                        std::vector<SignedSeal>& seals) {
  const auto number = [&seals] {
    return seals.empty() ? int64_t{0} : seals.back().seal.number;
  };
  while (number() < last) {
    v1::ListSealsRequest request;
    request.set_page_size(limits::kPageSize.max);
    request.set_after_number(number());
    ARCHPOOL_ASSIGN_OR_RETURN(
        const v1::ListSealsResponse page,
        client.Call(client.receipts(), &ReceiptStub::ListSeals, request));
    if (page.seals().empty()) return Moved();
    for (const v1::Seal& one : page.seals()) {
      if (number() == last) break;
      SignedSeal seal;
      ARCHPOOL_ASSIGN_OR_RETURN(seal.seal, DecodeSeal(one.content()));
      ARCHPOOL_ASSIGN_OR_RETURN(seal.signature,
                                Signature::FromBytes(one.signature()));
      if (seal.seal.number != number() + 1 &&
          !IsAfterRestore(seal.seal, number())) {
        return Moved();
      }
      seals.push_back(std::move(seal));
    }
  }
  return absl::OkStatus();
}

// Adds receipts until there are `count`.
absl::Status FetchUpTo(PoolClient& client, int64_t count,
                       std::vector<std::string>& receipts) {
  v1::ListReceiptsRequest request;
  request.set_page_size(limits::kPageSize.max);
  if (!receipts.empty()) {
    ARCHPOOL_ASSIGN_OR_RETURN(const ReceiptContent last,
                              DecodeReceipt(receipts.back()));
    request.set_after_receipt_id(last.id.value);
  }
  while (std::ssize(receipts) < count) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        const v1::ListReceiptsResponse page,
        client.Call(client.receipts(), &ReceiptStub::ListReceipts, request));
    if (page.receipts().empty()) return Moved();
    for (const std::string& one : page.receipts()) {
      if (std::ssize(receipts) == count) break;
      ARCHPOOL_ASSIGN_OR_RETURN(const ReceiptContent content,
                                DecodeReceipt(one));
      // Else a pool could hand out the same page forever.
      if (content.id.value <= request.after_receipt_id()) return Moved();
      request.set_after_receipt_id(content.id.value);
      receipts.push_back(one);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ReceiptFolder> ReadReceiptFolder(const std::string& directory) {
  ReceiptFolder folder;
  ARCHPOOL_ASSIGN_OR_RETURN(folder.seals,
                            ReadFile(SealsPath(directory), kFileBytesMax));
  ARCHPOOL_ASSIGN_OR_RETURN(folder.statement,
                            ReadFile(StatementPath(directory), kFileBytesMax));
  ARCHPOOL_ASSIGN_OR_RETURN(folder.receipts,
                            ReadFile(ReceiptsPath(directory), kFileBytesMax));
  return folder;
}

absl::Status WriteReceiptFolder(const std::string& directory,
                                const ReceiptFolder& folder) {
  ARCHPOOL_RETURN_IF_ERROR(MakeDirectories(directory));
  ARCHPOOL_RETURN_IF_ERROR(
      WriteFileDurably(ReceiptsPath(directory), folder.receipts));
  ARCHPOOL_RETURN_IF_ERROR(
      WriteFileDurably(SealsPath(directory), folder.seals));
  return WriteFileDurably(StatementPath(directory), folder.statement);
}

absl::StatusOr<FetchedReceipts> FetchReceipts(PoolClient& client,
                                              const ReceiptFolder& before) {
  std::vector<SignedSeal> seals;
  std::vector<std::string> receipts;
  if (!before.seals.empty()) {
    ARCHPOOL_ASSIGN_OR_RETURN(seals, DecodeSeals(before.seals));
    ARCHPOOL_ASSIGN_OR_RETURN(receipts, DecodeReceipts(before.receipts));
  }
  const int64_t had = std::ssize(receipts);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::GetStatementResponse statement,
      client.Call(client.receipts(), &ReceiptStub::GetStatement,
                  v1::GetStatementRequest()));
  ARCHPOOL_RETURN_IF_ERROR(FetchSeals(client, statement.seal_number(), seals));
  ARCHPOOL_RETURN_IF_ERROR(FetchUpTo(client, statement.receipts(), receipts));
  FetchedReceipts fetched;
  ARCHPOOL_ASSIGN_OR_RETURN(fetched.pool_key,
                            PublicKey::FromBytes(statement.pool_key()));
  std::vector<Digest> siblings;
  for (const std::string& bytes : statement.siblings()) {
    ARCHPOOL_ASSIGN_OR_RETURN(const Digest sibling, Digest::FromBytes(bytes));
    siblings.push_back(sibling);
  }
  fetched.folder = {.seals = EncodeSeals(seals),
                    .statement = EncodeProof(statement.statement(), siblings),
                    .receipts = EncodeReceipts(receipts)};
  fetched.receipts = std::ssize(receipts);
  fetched.added = fetched.receipts - had;
  return fetched;
}

}  // namespace archpool
