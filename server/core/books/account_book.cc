#include "server/core/books/account_book.h"

#include <algorithm>

#include "server/core/books/maps.h"
#include "server/core/rules/policy.h"

namespace archpool {

void AccountBook::Put(const Account& account) {
  const Account* before = Find(account.id);
  units_credited_ +=
      account.units_credited - (before == nullptr ? 0 : before->units_credited);
  if (account.trials_accepted >= kProvenTrials) {
    proven_commit_time_ =
        std::max(proven_commit_time_, account.performance.last_commit_time);
  }
  names_[account.name] = account.id;
  accounts_[account.id] = account;
}

const Account* AccountBook::Find(AccountId id) const {
  return FindIn(accounts_, id);
}

const Account* AccountBook::Find(const std::string& name) const {
  const AccountId* id = FindIn(names_, name);
  return id == nullptr ? nullptr : Find(*id);
}

}  // namespace archpool
