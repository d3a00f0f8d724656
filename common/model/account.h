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

// 1 to 64 characters of [a-z0-9-]: accounts, workers and verifiers.
bool IsName(absl::string_view text);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_MODEL_ACCOUNT_H_
