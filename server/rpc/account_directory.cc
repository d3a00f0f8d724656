// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/account_directory.h"

namespace archpool::rpc {

void AccountDirectory::Update(const Account& account) {
  absl::MutexLock lock(&mutex_);
  accounts_[account.id] = account;
}

void AccountDirectory::Update(const AccountToken& token) {
  absl::MutexLock lock(&mutex_);
  const auto before = tokens_.find(token.key);
  hashes_.Put(token.key,
              before == tokens_.end() ? nullptr : &before->second.hash,
              token.hash);
  tokens_[token.key] = token;
}

std::optional<KnownCaller> AccountDirectory::FindByToken(
    absl::string_view token) const {
  const Digest hash = HashToken(token);
  absl::MutexLock lock(&mutex_);
  const std::optional<TokenKey> key = hashes_.Find(hash);
  if (!key) return std::nullopt;
  const auto account = accounts_.find(key->account);
  if (account == accounts_.end()) return std::nullopt;
  return KnownCaller{account->second, tokens_.at(*key)};
}

std::optional<AccountToken> AccountDirectory::Find(const TokenKey& key) const {
  absl::MutexLock lock(&mutex_);
  const auto found = tokens_.find(key);
  if (found == tokens_.end()) return std::nullopt;
  return found->second;
}

std::vector<AccountToken> AccountDirectory::TokensOf(AccountId account) const {
  absl::MutexLock lock(&mutex_);
  std::vector<AccountToken> tokens;
  for (auto it = tokens_.lower_bound({account, 0});
       it != tokens_.end() && it->first.account == account; ++it) {
    tokens.push_back(it->second);
  }
  return tokens;
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
  if (!account) return id.ToString();
  const bool may_see =
      viewer_.role == Role::kOperator || id == viewer_.id ||
      account->is_public ||
      (viewer_.role == Role::kMiner && account->role == Role::kClient);
  return may_see ? account->name : id.ToString();
}

std::string Names::OfWorker(SessionId session, const std::string& name) const {
  const bool may_see =
      viewer_.role == Role::kOperator || viewer_.role == Role::kMiner;
  return may_see ? name : session.ToString();
}

}  // namespace archpool::rpc
