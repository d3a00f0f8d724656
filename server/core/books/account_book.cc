// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/account_book.h"

#include <algorithm>

#include "server/core/rules/policy.h"

namespace archpool {

void AccountBook::Put(const Account& account) {
  const auto [found, is_new] = accounts_.try_emplace(account.id);
  Account& held = found->second;
  if (is_new) names_[account.name] = account.id;
  units_credited_ += account.units_credited - held.units_credited;
  if (account.group != held.group) {
    RemoveFrom(groups_, held.group, account.id);
    if (!account.group.empty()) groups_[account.group].insert(account.id);
  }
  if (ProvingTrials(account) >= kProvenTrials) {
    proven_commit_time_ = std::max(
        proven_commit_time_,
        account.performance.last_commit_time.value_or(absl::InfinitePast()));
  }
  if (account.void_until || account.examine_until) {
    judged_.insert(account.id);
  } else {
    judged_.erase(account.id);
  }
  if (held.next_address) {
    next_addresses_.erase({held.next_address->time, account.id});
  }
  if (account.next_address && account.state == AccountState::kActive) {
    next_addresses_.insert({account.next_address->time, account.id});
  }
  held = account;
}

const absl::btree_set<AccountId>& AccountBook::InGroup(
    const std::string& group) const {
  return SetIn(groups_, group);
}

const Account* AccountBook::Find(AccountId id) const {
  return FindIn(accounts_, id);
}

const Account* AccountBook::Find(const std::string& name) const {
  const AccountId* id = FindIn(names_, name);
  return id == nullptr ? nullptr : Find(*id);
}

}  // namespace archpool
