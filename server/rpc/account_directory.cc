// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/account_directory.h"

namespace archpool::rpc {

void AccountDirectory::Update(const Account& account) {
  absl::MutexLock lock(&mutex_);
  accounts_[account.id] = account;
  tokens_[account.token_hash.AsBytes()] = account.id;
}

std::optional<Account> AccountDirectory::FindByToken(
    absl::string_view token) const {
  const Digest hash = HashToken(token);
  absl::MutexLock lock(&mutex_);
  const auto found = tokens_.find(hash.AsBytes());
  if (found == tokens_.end()) return std::nullopt;
  return accounts_.at(found->second);
}

std::optional<Account> AccountDirectory::Find(AccountId id) const {
  absl::MutexLock lock(&mutex_);
  const auto found = accounts_.find(id);
  if (found == accounts_.end()) return std::nullopt;
  return found->second;
}

std::string AccountDirectory::NameOf(AccountId id) const {
  const std::optional<Account> account = Find(id);
  return account ? account->name : id.ToString();
}

std::optional<Account> AccountDirectory::FindByName(
    absl::string_view name) const {
  absl::MutexLock lock(&mutex_);
  for (const auto& [id, account] : accounts_) {
    if (account.name == name) return account;
  }
  return std::nullopt;
}

std::vector<Account> AccountDirectory::After(AccountId after,
                                             int64_t limit) const {
  absl::MutexLock lock(&mutex_);
  std::vector<Account> some;
  for (auto it = accounts_.upper_bound(after);
       it != accounts_.end() && std::ssize(some) < limit; ++it) {
    some.push_back(it->second);
  }
  return some;
}

std::string Names::Of(AccountId id) const {
  const std::optional<Account> account = accounts_.Find(id);
  const bool may_see = viewer_.role != Role::kClient || id == viewer_.id ||
                       (account && account->is_public);
  return account && may_see ? account->name : id.ToString();
}

std::string Names::OfWorker(SessionId session, const std::string& name) const {
  return viewer_.role == Role::kClient ? session.ToString() : name;
}

}  // namespace archpool::rpc
