// SPDX-License-Identifier: Apache-2.0
// The accounts, in memory at the edge: who calls, by token, and what an id is
// called. Filled and kept current by the engine's listeners. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_ACCOUNT_DIRECTORY_H_
#define ARCHPOOL_SERVER_RPC_ACCOUNT_DIRECTORY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "common/crypto/token.h"
#include "server/core/books/secret_index.h"
#include "server/core/records/entities.h"

namespace archpool::rpc {

// An account, and the token that it is known by.
struct KnownCaller {
  Account account;
  AccountToken token;  // in force or not
};

class AccountDirectory {
 public:
  void Update(const Account& account) ABSL_LOCKS_EXCLUDED(mutex_);
  void Update(const AccountToken& token) ABSL_LOCKS_EXCLUDED(mutex_);

  std::optional<KnownCaller> FindByToken(absl::string_view token) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // The one with that number now: it may have another hash than it had.
  std::optional<AccountToken> Find(const TokenKey& key) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<AccountToken> TokensOf(AccountId account) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  std::optional<Account> Find(AccountId id) const ABSL_LOCKS_EXCLUDED(mutex_);
  // "account-7" where it is unknown.
  std::string NameOf(AccountId id) const ABSL_LOCKS_EXCLUDED(mutex_);
  std::optional<Account> FindByName(absl::string_view name) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // By id, those after `after`, at most `limit`.
  std::vector<Account> After(AccountId after, int64_t limit) const
      ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable absl::Mutex mutex_;
  absl::btree_map<AccountId, Account> accounts_ ABSL_GUARDED_BY(mutex_);
  absl::btree_map<TokenKey, AccountToken> tokens_ ABSL_GUARDED_BY(mutex_);
  SecretIndex<TokenKey> hashes_ ABSL_GUARDED_BY(mutex_);
};

// What others are called in answers to `viewer`: operators see all names, and
// miners those of clients; else the names of those alone that want it are seen,
// and ids otherwise. Cheap to make; both outlive it.
class Names {
 public:
  Names(const AccountDirectory& accounts, const Account& viewer)
      : accounts_(accounts), viewer_(viewer) {}

  std::string Of(AccountId id) const;
  // The name of a worker, which may be the name of somebody's machine. Miners
  // are told of their own workers alone.
  std::string OfWorker(SessionId session, const std::string& name) const;
  const Account& viewer() const { return viewer_; }

 private:
  const AccountDirectory& accounts_;
  const Account& viewer_;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_ACCOUNT_DIRECTORY_H_
