// SPDX-License-Identifier: Apache-2.0
// What an account is, shared by the core and the wire.
#ifndef ARCHPOOL_COMMON_MODEL_ACCOUNT_H_
#define ARCHPOOL_COMMON_MODEL_ACCOUNT_H_

#include "absl/strings/string_view.h"
#include "common/base/words.h"

namespace archpool {

enum class Role { kClient, kMiner, kVerifier, kOperator };
template <>
inline constexpr const char* kWordsOf<Role>[] = {"client", "miner", "verifier",
                                                 "operator"};

enum class AccountState {
  kActive,
  kSuspended,  // gets no leases; by the pool on rejections, lifted by operators
};
template <>
inline constexpr const char* kWordsOf<AccountState>[] = {"active", "suspended"};

// What a token lets its holder do of what the account's role may. Which method
// is open to which scope is said at the method (proto/archpool/v1/roles.proto).
enum class TokenScope {
  kOwner,  // everything, tokens among it
  kWork,   // what a worker or a verifier calls
  kSpend,  // tasks and their data, paid from the balance
  kRead,   // looks, and changes nothing
};
template <>
inline constexpr const char* kWordsOf<TokenScope>[] = {"owner", "work", "spend",
                                                       "read"};

// 1 to 64 characters of [a-z0-9-]: accounts, workers and verifiers.
bool IsName(absl::string_view text);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_MODEL_ACCOUNT_H_
