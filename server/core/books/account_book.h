// SPDX-License-Identifier: Apache-2.0
// The accounts, and what they add up to.
#ifndef ARCHPOOL_SERVER_CORE_BOOKS_ACCOUNT_BOOK_H_
#define ARCHPOOL_SERVER_CORE_BOOKS_ACCOUNT_BOOK_H_

#include <string>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "server/core/books/maps.h"
#include "server/core/records/entities.h"

namespace archpool {

// Value type; thread-compatible. Pointers hold until the next Put.
class AccountBook {
 public:
  void Put(const Account& account);

  // nullptr where there is none.
  const Account* Find(AccountId id) const;
  const Account* Find(const std::string& name) const;
  const absl::btree_map<AccountId, Account>& all() const { return accounts_; }
  // The accounts of the group; none of the group "".
  const absl::btree_set<AccountId>& InGroup(const std::string& group) const;
  WorkUnits units_credited() const { return units_credited_; }  // of all
  // Those of which trials are still to be voided or examined.
  const absl::btree_set<AccountId>& judged() const { return judged_; }
  // Accounts that are not suspended and wait for an address, by when it is
  // theirs.
  const absl::btree_set<std::pair<absl::Time, AccountId>>& next_addresses()
      const {
    return next_addresses_;
  }
  // When a proven account committed something last, as its ended leases tell.
  absl::Time proven_commit_time() const { return proven_commit_time_; }

 private:
  absl::btree_map<AccountId, Account> accounts_;
  absl::btree_map<std::string, AccountId> names_;
  absl::btree_set<AccountId> judged_;
  absl::btree_set<std::pair<absl::Time, AccountId>> next_addresses_;
  SetMap<std::string, AccountId> groups_;
  WorkUnits units_credited_ = 0;
  absl::Time proven_commit_time_ = absl::InfinitePast();
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_BOOKS_ACCOUNT_BOOK_H_
