// SPDX-License-Identifier: Apache-2.0
#include "common/model/receipt_check.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/crypto/canonical.h"
#include "common/model/receipt_books.h"

namespace archpool {
namespace {

constexpr char kSealsDomain[] = "archpool/receipt-epochs/v1";
constexpr char kProofDomain[] = "archpool/receipt-proof/v1";
constexpr char kReceiptsDomain[] = "archpool/receipts/v1";
constexpr int64_t kSiblingsMax = 64;

absl::Status MalformedFile(const char* file) {
  return InvalidArgument(
      "RECEIPT_MALFORMED",
      absl::StrCat("the ", file, " cannot be read; fetch the receipts again"));
}

absl::Status Forged(const std::string& what) {
  return FailedPrecondition(
      "RECEIPTS_FORGED",
      absl::StrCat("these are not the receipts that the pool signed: ", what));
}

struct Proof {
  ReceiptStatement statement;
  std::string encoding;
  std::vector<Digest> siblings;
};

absl::StatusOr<Proof> DecodeProof(absl::string_view encoding) {
  CanonicalReader reader(kProofDomain, encoding);
  Proof proof;
  proof.encoding = std::string(reader.Bytes());
  const int64_t count = reader.Int();
  if (count < 0 || count > kSiblingsMax) return MalformedFile("statement");
  for (int64_t i = 0; i < count; ++i) proof.siblings.push_back(reader.Fixed());
  if (!reader.IsDone()) return MalformedFile("statement");
  ARCHPOOL_ASSIGN_OR_RETURN(proof.statement, DecodeStatement(proof.encoding));
  return proof;
}

// The backup is older than seals that the pool had handed out.
absl::Status HistoryLost(int64_t number, const Seal& restored) {
  return FailedPrecondition(
      "POOL_RESTORED",
      absl::StrCat("the pool was restored from a backup at ",
                   absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", restored.time,
                                    absl::UTCTimeZone()),
                   ", and lost what it had sealed up to seal ", number,
                   "; keep this folder: it proves them. Fetch into a new one"));
}

// The last one's signature covers the ones before through the chain.
absl::Status CheckChain(const std::vector<SignedSeal>& seals,
                        const PublicKey& pool_key, int64_t& restores) {
  if (seals.empty()) return MalformedFile("list of seals");
  Digest previous;
  int64_t number = 0;
  absl::Time time = absl::InfinitePast();
  for (const SignedSeal& one : seals) {
    const bool is_restored = IsAfterRestore(one.seal, number);
    if (is_restored && one.seal.previous != previous &&
        VerifySignature(pool_key, Encode(one.seal), one.signature)) {
      return HistoryLost(number, one.seal);
    }
    if ((one.seal.number != number + 1 && !is_restored) ||
        one.seal.previous != previous || one.seal.time < time) {
      return Forged(
          absl::StrCat("seal ", number + 1, " does not follow the one before"));
    }
    number = one.seal.number;
    restores += is_restored ? 1 : 0;
    previous = one.Id();
    time = one.seal.time;
  }
  const SignedSeal& last = seals.back();
  if (!VerifySignature(pool_key, Encode(last.seal), last.signature)) {
    return Forged(
        absl::StrCat("seal ", number, " is not signed with this pool's key"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodeSeals(const std::vector<SignedSeal>& seals) {
  CanonicalWriter writer(kSealsDomain);
  for (const SignedSeal& seal : seals) {
    writer.Bytes(Encode(seal.seal)).Bytes(seal.signature.AsBytes());
  }
  return writer.encoding();
}

std::string EncodeProof(const std::string& statement,
                        const std::vector<Digest>& siblings) {
  CanonicalWriter writer(kProofDomain);
  writer.Bytes(statement).Int(static_cast<int64_t>(siblings.size()));
  for (const Digest& sibling : siblings) writer.Fixed(sibling);
  return writer.encoding();
}

std::string EncodeReceipts(const std::vector<std::string>& receipts) {
  CanonicalWriter writer(kReceiptsDomain);
  for (const std::string& receipt : receipts) writer.Bytes(receipt);
  return writer.encoding();
}

absl::StatusOr<std::vector<SignedSeal>> DecodeSeals(
    absl::string_view encoding) {
  CanonicalReader reader(kSealsDomain, encoding);
  std::vector<SignedSeal> seals;
  while (reader.ok() && !reader.IsDone()) {
    SignedSeal one;
    ARCHPOOL_ASSIGN_OR_RETURN(one.seal, DecodeSeal(reader.Bytes()));
    ARCHPOOL_ASSIGN_OR_RETURN(one.signature,
                              Signature::FromBytes(reader.Bytes()));
    seals.push_back(std::move(one));
  }
  if (!reader.IsDone()) return MalformedFile("list of seals");
  return seals;
}

absl::StatusOr<std::vector<std::string>> DecodeReceipts(
    absl::string_view encoding) {
  CanonicalReader reader(kReceiptsDomain, encoding);
  std::vector<std::string> receipts;
  while (reader.ok() && !reader.IsDone()) receipts.emplace_back(reader.Bytes());
  if (!reader.IsDone()) return MalformedFile("list of receipts");
  return receipts;
}

absl::StatusOr<ReceiptReport> CheckReceipts(const ReceiptFolder& folder,
                                            const PublicKey& pool_key) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<SignedSeal> seals,
                            DecodeSeals(folder.seals));
  int64_t restores = 0;
  ARCHPOOL_RETURN_IF_ERROR(CheckChain(seals, pool_key, restores));
  ARCHPOOL_ASSIGN_OR_RETURN(const Proof proof, DecodeProof(folder.statement));
  const Seal& last = seals.back().seal;
  const ReceiptStatement& statement = proof.statement;
  if (!VerifyMerkleProof(MerkleLeaf(proof.encoding), statement.account.value,
                         last.statements, proof.siblings, last.root)) {
    return Forged(
        absl::StrCat("the statement is not that of seal ", last.number));
  }
  CanonicalReader reader(kReceiptsDomain, folder.receipts);
  ReceiptReport report{.account = statement.account,
                       .seal = last.number,
                       .time = last.time,
                       .restores = restores};
  ReceiptBooks books(report);
  MerkleFrontier tree;
  ReceiptId latest;
  while (reader.ok() && !reader.IsDone()) {
    const absl::string_view encoding = reader.Bytes();
    tree.Append(MerkleLeaf(encoding));
    ARCHPOOL_ASSIGN_OR_RETURN(const ReceiptContent receipt,
                              DecodeReceipt(encoding));
    if (receipt.account != statement.account || receipt.id <= latest) {
      return Forged(absl::StrCat(receipt.id.ToString(), " is out of place"));
    }
    latest = receipt.id;
    books.Add(receipt);
  }
  if (!reader.IsDone()) return MalformedFile("list of receipts");
  report.receipts = tree.count();
  if (tree.count() != statement.count) {
    return Forged(
        absl::StrCat("there are ", tree.count(), " of ", statement.count));
  }
  if (tree.Root() != statement.root) {
    return Forged("at least one was changed or exchanged");
  }
  books.Close(statement);
  return report;
}

}  // namespace archpool
