// SPDX-License-Identifier: Apache-2.0
// Records of what accounts are known by. Value types; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_TOKEN_RECORDS_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_TOKEN_RECORDS_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "common/crypto/sha256.h"
#include "common/model/account.h"
#include "common/model/ids.h"

namespace archpool {

// An account has few tokens at a time, and the numbers of those that are over
// are used again: an account that replaces its tokens for years fills no table.
struct TokenKey {
  AccountId account;
  int64_t number = 0;  // in [1, limits::kTokensMax]

  friend auto operator<=>(const TokenKey&, const TokenKey&) = default;
};

// The name of the token that an account is made with.
inline constexpr char kFirstTokenName[] = "first";

// Who carries it is served as the account, within its scope, until it expires
// or is revoked. Both are points in the time of walls: time in which the pool
// was away lets no token live longer.
struct AccountToken {
  TokenKey key;
  std::string name;  // of those in force no other of the account has it
  TokenScope scope = TokenScope::kOwner;
  Digest hash;  // SHA-256 of the bearer token
  absl::Time create_time;
  std::optional<absl::Time> expire_time;  // unset: never
  std::optional<absl::Time> revoke_time;  // by the account, or an operator
  // Noted once an hour at most; unset: not used later than that after it was
  // made.
  std::optional<absl::Time> last_use_time;

  bool IsInForce(absl::Time now) const {
    return !revoke_time && (!expire_time || now < *expire_time);
  }

  friend bool operator==(const AccountToken&, const AccountToken&) = default;
};

// How old the note of a token's last use may become while it is used.
inline constexpr absl::Duration kTokenUseNoted = absl::Hours(1);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_TOKEN_RECORDS_H_
