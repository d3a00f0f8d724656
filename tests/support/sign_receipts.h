// SPDX-License-Identifier: Apache-2.0
// A pool that signs whatever it is told to. Header only.
#ifndef ARCHPOOL_TESTS_SUPPORT_SIGN_RECEIPTS_H_
#define ARCHPOOL_TESTS_SUPPORT_SIGN_RECEIPTS_H_

#include <string>
#include <vector>

#include "common/model/receipt_check.h"

namespace archpool {

// The folder of the highest account of a pool: two seals, the first with half
// of the receipts.
inline ReceiptFolder SignReceipts(const SigningKey& key, AccountId account,
                                  const std::vector<std::string>& encodings,
                                  Amount balance) {
  MerkleFrontier tree;
  std::vector<SignedSeal> seals;
  std::vector<Digest> statements;
  std::string statement;
  const auto add_seal = [&](Amount stated) {
    statement =
        Encode(ReceiptStatement{account, tree.count(), tree.Root(), stated});
    statements.assign(static_cast<size_t>(account.value), MerkleLeaf(""));
    statements.push_back(MerkleLeaf(statement));
    SignedSeal seal;
    seal.seal = {.number = std::ssize(seals) + 1,
                 .time = absl::UnixEpoch() + absl::Hours(1),
                 .statements = std::ssize(statements),
                 .root = MerkleRoot(statements),
                 .previous = seals.empty() ? Digest() : seals.back().Id()};
    seal.signature = key.Sign(Encode(seal.seal));
    seals.push_back(seal);
  };
  for (size_t i = 0; i < encodings.size(); ++i) {
    if (i == encodings.size() / 2) add_seal(0);
    tree.Append(MerkleLeaf(encodings[i]));
  }
  add_seal(balance);
  return {.seals = EncodeSeals(seals),
          .statement =
              EncodeProof(statement, MerkleProof(statements, account.value)),
          .receipts = EncodeReceipts(encodings)};
}

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_SIGN_RECEIPTS_H_
