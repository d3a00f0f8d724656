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

std::vector<Account> AccountDirectory::All() const {
  absl::MutexLock lock(&mutex_);
  std::vector<Account> all;
  all.reserve(accounts_.size());
  for (const auto& [id, account] : accounts_) all.push_back(account);
  return all;
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
