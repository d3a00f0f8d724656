// SPDX-License-Identifier: Apache-2.0
// Where the pool's money lies, and whom it still owes.
#ifndef ARCHPOOL_SERVER_CORE_BOOKS_MONEY_BOOK_H_
#define ARCHPOOL_SERVER_CORE_BOOKS_MONEY_BOOK_H_

#include <cstdint>
#include <utility>

#include "absl/container/btree_map.h"
#include "server/core/records/entities.h"

namespace archpool {

// Value type; thread-compatible. Pointers hold until the next Put.
class MoneyBook {
 public:
  // An empty place is none, what is all paid is not owed, and a payout that has
  // ended is forgotten: they would be kept forever.
  void Put(const Balance& balance);
  void Put(const Owed& owed);
  void Put(const Payout& payout);

  Amount BalanceOf(Place place) const;
  const absl::btree_map<Place, Amount>& balances() const { return balances_; }
  const absl::btree_map<std::pair<AccountId, int64_t>, Owed>& owed() const {
    return owed_;
  }
  const Payout* Find(PayoutId id) const;  // nullptr where there is none
  const absl::btree_map<PayoutId, Payout>& payouts() const { return payouts_; }

 private:
  absl::btree_map<Place, Amount> balances_;
  absl::btree_map<std::pair<AccountId, int64_t>, Owed> owed_;
  absl::btree_map<PayoutId, Payout> payouts_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_BOOKS_MONEY_BOOK_H_
