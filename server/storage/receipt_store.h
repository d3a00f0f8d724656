// SPDX-License-Identifier: Apache-2.0
// Receipts on their way into seals, and out to the accounts they are
// about. Receipts themselves come in with the commits of
// server/storage/store.h. Two implementations, memory and PostgreSQL, held to
// one conformance suite.
#ifndef ARCHPOOL_SERVER_STORAGE_RECEIPT_STORE_H_
#define ARCHPOOL_SERVER_STORAGE_RECEIPT_STORE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/crypto/merkle.h"
#include "common/model/receipt.h"
#include "server/core/records/entities.h"

namespace archpool {

// An account's receipts up to a seal.
struct AccountReceipts {
  AccountId account;
  MerkleFrontier tree;
  Amount balance = 0;
};

// What the seals so far cover.
struct SealedReceipts {
  SignedSeal latest;                      // number 0 where there is none
  ReceiptId last_receipt;                 // that it covers
  std::vector<AccountReceipts> accounts;  // those with receipts, by account
};

// One snapshot.
struct OpenReceipts {
  SealedReceipts sealed;
  std::vector<Receipt> receipts;  // that no seal covers yet, by id
  bool is_all = false;            // of them
  std::vector<Balance> balances;  // by place
  AccountId last_account;         // the highest there is
};

// Thread-safe. Every call: UNAVAILABLE (STORE_UNREACHABLE).
class ReceiptStore {
 public:
  virtual ~ReceiptStore() = default;

  // At most `limit` receipts.
  virtual absl::StatusOr<OpenReceipts> Open(int64_t limit) = 0;

  // Adds a seal. `changed`: the accounts that have new receipts. ABORTED
  // (SEAL_EXISTS): there is a seal of that number, perhaps this very one.
  virtual absl::Status AddSeal(const SignedSeal& seal, ReceiptId last_receipt,
                               absl::Span<const AccountReceipts> changed) = 0;

  virtual absl::StatusOr<SealedReceipts> Sealed() = 0;
  // The numbers above `after`, in order.
  virtual absl::StatusOr<std::vector<SignedSeal>> Seals(int64_t after,
                                                        int64_t limit) = 0;
  // The account's that a seal covers, of ids above `after`, in order.
  virtual absl::StatusOr<std::vector<Receipt>> ReceiptsOf(AccountId account,
                                                          ReceiptId after,
                                                          int64_t limit) = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_RECEIPT_STORE_H_
