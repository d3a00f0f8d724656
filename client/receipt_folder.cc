#include "client/receipt_folder.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

using Stub = v1::ReceiptService::Stub;

constexpr int64_t kFileBytesMax = int64_t{4} << 30;

std::string EpochsPath(const std::string& directory) {
  return absl::StrCat(directory, "/epochs.bin");
}
std::string StatementPath(const std::string& directory) {
  return absl::StrCat(directory, "/statement.bin");
}
std::string ReceiptsPath(const std::string& directory) {
  return absl::StrCat(directory, "/receipts.bin");
}

absl::Status Moved() {
  return Unavailable("RECEIPTS_MOVED",
                     "The pool sealed an epoch meanwhile; fetch again.");
}

// Adds the epochs up to number `last`.
absl::Status FetchEpochs(PoolClient& client, int64_t last,
                         std::vector<SignedEpoch>& epochs) {
  while (std::ssize(epochs) < last) {
    v1::ListEpochsRequest request;
    request.set_after_number(std::ssize(epochs));
    ARCHPOOL_ASSIGN_OR_RETURN(
        const v1::ListEpochsResponse page,
        client.Call(client.receipts(), &Stub::ListEpochs, request));
    if (page.epochs().empty()) return Moved();
    for (const v1::Epoch& one : page.epochs()) {
      if (std::ssize(epochs) == last) break;
      SignedEpoch epoch;
      ARCHPOOL_ASSIGN_OR_RETURN(epoch.epoch, DecodeEpoch(one.content()));
      ARCHPOOL_ASSIGN_OR_RETURN(epoch.signature,
                                Signature::FromBytes(one.signature()));
      if (epoch.epoch.number != std::ssize(epochs) + 1) return Moved();
      epochs.push_back(std::move(epoch));
    }
  }
  return absl::OkStatus();
}

// Adds receipts until there are `count`.
absl::Status FetchUpTo(PoolClient& client, int64_t count,
                       std::vector<std::string>& receipts) {
  v1::ListReceiptsRequest request;
  if (!receipts.empty()) {
    ARCHPOOL_ASSIGN_OR_RETURN(const ReceiptContent last,
                              DecodeReceipt(receipts.back()));
    request.set_after_receipt_id(last.id.value);
  }
  while (std::ssize(receipts) < count) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        const v1::ListReceiptsResponse page,
        client.Call(client.receipts(), &Stub::ListReceipts, request));
    if (page.receipts().empty()) return Moved();
    for (const std::string& one : page.receipts()) {
      if (std::ssize(receipts) == count) break;
      ARCHPOOL_ASSIGN_OR_RETURN(const ReceiptContent content,
                                DecodeReceipt(one));
      // Else a pool could hand out the same page for ever.
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
  ARCHPOOL_ASSIGN_OR_RETURN(folder.epochs,
                            ReadFile(EpochsPath(directory), kFileBytesMax));
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
      WriteFileDurably(EpochsPath(directory), folder.epochs));
  return WriteFileDurably(StatementPath(directory), folder.statement);
}

absl::StatusOr<FetchedReceipts> FetchReceipts(PoolClient& client,
                                              const ReceiptFolder& before) {
  std::vector<SignedEpoch> epochs;
  std::vector<std::string> receipts;
  if (!before.epochs.empty()) {
    ARCHPOOL_ASSIGN_OR_RETURN(epochs, DecodeEpochs(before.epochs));
    ARCHPOOL_ASSIGN_OR_RETURN(receipts, DecodeReceipts(before.receipts));
  }
  const int64_t had = std::ssize(receipts);
  ARCHPOOL_ASSIGN_OR_RETURN(const v1::GetStatementResponse statement,
                            client.Call(client.receipts(), &Stub::GetStatement,
                                        v1::GetStatementRequest()));
  ARCHPOOL_RETURN_IF_ERROR(
      FetchEpochs(client, statement.epoch_number(), epochs));
  ARCHPOOL_RETURN_IF_ERROR(FetchUpTo(client, statement.receipts(), receipts));
  FetchedReceipts fetched;
  ARCHPOOL_ASSIGN_OR_RETURN(fetched.pool_key,
                            PublicKey::FromBytes(statement.pool_key()));
  std::vector<Digest> siblings;
  for (const std::string& bytes : statement.siblings()) {
    ARCHPOOL_ASSIGN_OR_RETURN(const Digest sibling, Digest::FromBytes(bytes));
    siblings.push_back(sibling);
  }
  fetched.folder = {.epochs = EncodeEpochs(epochs),
                    .statement = EncodeProof(statement.statement(), siblings),
                    .receipts = EncodeReceipts(receipts)};
  fetched.receipts = std::ssize(receipts);
  fetched.added = fetched.receipts - had;
  return fetched;
}

}  // namespace archpool
