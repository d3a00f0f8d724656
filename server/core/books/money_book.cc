// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/money_book.h"

#include "server/core/books/maps.h"
#include "server/core/records/keys.h"

namespace archpool {
namespace {

template <typename Record>
void Keep(RecordMap<Record>& records, const Record& record, bool is_kept) {
  if (is_kept) {
    records[KeyOf(record)] = record;
  } else {
    records.erase(KeyOf(record));
  }
}

}  // namespace

void MoneyBook::Put(const Balance& balance) {
  if (balance.amount == 0) {
    balances_.erase(balance.place);
  } else {
    balances_[balance.place] = balance.amount;
  }
}

void MoneyBook::Put(const Owed& owed) { Keep(owed_, owed, owed.amount != 0); }

void MoneyBook::Put(const Payout& payout) {
  Keep(payouts_, payout, !IsEnded(payout.state));
}

Amount MoneyBook::BalanceOf(Place place) const {
  const Amount* amount = FindIn(balances_, place);
  return amount == nullptr ? 0 : *amount;
}

const Payout* MoneyBook::Find(PayoutId id) const {
  return FindIn(payouts_, id);
}

}  // namespace archpool
