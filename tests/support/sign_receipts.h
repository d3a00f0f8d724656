// A pool that signs whatever it is told to. Header only.
#ifndef ARCHPOOL_TESTS_SUPPORT_SIGN_RECEIPTS_H_
#define ARCHPOOL_TESTS_SUPPORT_SIGN_RECEIPTS_H_

#include <string>
#include <vector>

#include "common/model/receipt_check.h"

namespace archpool {

// The folder of the highest account of a pool: two epochs, the first with half
// of the receipts.
inline ReceiptFolder SignReceipts(const SigningKey& key, AccountId account,
                                  const std::vector<std::string>& encodings,
                                  Amount balance) {
  MerkleFrontier tree;
  std::vector<SignedEpoch> epochs;
  std::vector<Digest> statements;
  std::string statement;
  const auto seal = [&](Amount stated) {
    statement =
        Encode(ReceiptStatement{account, tree.count(), tree.Root(), stated});
    statements.assign(static_cast<size_t>(account.value), MerkleLeaf(""));
    statements.push_back(MerkleLeaf(statement));
    SignedEpoch epoch;
    epoch.epoch = {.number = std::ssize(epochs) + 1,
                   .time = absl::UnixEpoch() + absl::Hours(1),
                   .statements = std::ssize(statements),
                   .root = MerkleRoot(statements),
                   .previous = epochs.empty() ? Digest() : epochs.back().Id()};
    epoch.signature = key.Sign(Encode(epoch.epoch));
    epochs.push_back(epoch);
  };
  for (size_t i = 0; i < encodings.size(); ++i) {
    if (i == encodings.size() / 2) seal(0);
    tree.Append(MerkleLeaf(encodings[i]));
  }
  seal(balance);
  return {.epochs = EncodeEpochs(epochs),
          .statement =
              EncodeProof(statement, MerkleProof(statements, account.value)),
          .receipts = EncodeReceipts(encodings)};
}

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_SIGN_RECEIPTS_H_
