// SPDX-License-Identifier: Apache-2.0
// The Notary seals receipts: seal by seal it adds what was handed out to each
// account's tree, and signs one root over all accounts' statements, chained to
// the seal before. Two notaries on one database are harmless: a seal's
// number is taken once. Start and Stop are for one thread.
#ifndef ARCHPOOL_SERVER_RECEIPTS_NOTARY_H_
#define ARCHPOOL_SERVER_RECEIPTS_NOTARY_H_

#include <cstdint>
#include <functional>
#include <stop_token>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/crypto/signature.h"
#include "server/storage/receipt_store.h"

namespace archpool {

// The leaves of a seal's tree: a statement for every account from 0 to
// `last`, one without receipts being empty. `accounts`: those with receipts, by
// account.
std::vector<Digest> StatementLeaves(absl::Span<const AccountReceipts> accounts,
                                    AccountId last);
ReceiptStatement StatementOf(const AccountReceipts& account);

struct NotaryOptions {
  // A seal is made this long after the one before, where anything happened.
  absl::Duration interval = absl::Minutes(10);
  int64_t receipts_max = 100'000;  // of one seal; the next follows at once
  // Told by each round in how many accounts' balances differ from what their
  // receipts make.
  std::function<void(int64_t accounts)> on_compared = [](int64_t) {};
};

class Notary {
 public:
  // All outlive this.
  Notary(const Clock& clock, ReceiptStore& store, SigningKey key,
         NotaryOptions options);
  ~Notary();  // stops

  void Start();
  // Idempotent.
  void Stop();

  // Begins what a restored pool seals, though nothing happened since: the
  // seal's number says that it was restored (IsAfterRestore). Once, before
  // Start.
  absl::Status SealRestore();

  // Seals what there is. The store's errors: the next round continues from what
  // the store then says.
  absl::Status Round(const std::stop_token& stop = {});

 private:
  // Whether more waits.
  absl::StatusOr<bool> SealOne(bool is_restored = false);
  // Whether balances are what receipts make: what is signed is these alone.
  void Compare(const OpenReceipts& open,
               absl::Span<const AccountReceipts> accounts);

  const Clock& clock_;
  ReceiptStore& store_;
  const SigningKey key_;
  const NotaryOptions options_;
  std::jthread thread_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_RECEIPTS_NOTARY_H_
