// SPDX-License-Identifier: Apache-2.0
// The inputs of the core about tokens. Part of
// server/core/commands/commands.h, which says what commands are. The edge has
// checked that the caller's own token is of the owner's scope.
#ifndef ARCHPOOL_SERVER_CORE_COMMANDS_TOKEN_COMMANDS_H_
#define ARCHPOOL_SERVER_CORE_COMMANDS_TOKEN_COMMANDS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "server/core/records/entities.h"

namespace archpool {

// Idempotent by the token. FAILED_PRECONDITION (SCOPE_OF_OTHER_ROLE: what it
// allows is nothing that the account's role may do); RESOURCE_EXHAUSTED
// (TOKEN_QUOTA: too many in force, or made within the hour); ALREADY_EXISTS
// (TOKEN_NAME_TAKEN, TOKEN_TAKEN).
struct CreateToken {
  AccountId caller;
  std::string name;
  TokenScope scope = TokenScope::kOwner;
  std::optional<absl::Duration> term;  // unset: it never expires
  Digest hash;
  using Reply = AccountToken;
};

// Makes a token of the scope of another one, which expires after `overlap`, or
// when it did before, whichever is earlier; the last lasting one of the owner
// not before PoolPolicy::payout_address_wait. Idempotent by the new token.
// CreateToken's errors; NOT_FOUND (TOKEN_NAME_UNKNOWN); FAILED_PRECONDITION
// (LAST_OWNER_TOKEN: all that is left of the owner's scope would expire).
struct RotateToken {
  AccountId caller;
  std::string replaced;  // the name of one in force
  std::string name;
  std::optional<absl::Duration> term;
  absl::Duration overlap;
  Digest hash;
  struct Reply {
    AccountToken made;
    AccountToken replaced;
  };
};

// Idempotent. NOT_FOUND (TOKEN_NAME_UNKNOWN); FAILED_PRECONDITION
// (LAST_OWNER_TOKEN: no other of the owner's scope would be left that never
// expires and is as old as PoolPolicy::payout_address_wait).
struct RevokeToken {
  AccountId caller;
  std::string name;
  using Reply = AccountToken;
};

// An operator's answer where an owner's token was stolen: every token of the
// owner's scope ends at once, and one that never expires is made. A payout
// address that waits is taken back, and the one in force waits again: the thief
// may have set either. Tokens of other scopes stay. Idempotent by the token.
// NOT_FOUND (ACCOUNT_UNKNOWN); FAILED_PRECONDITION (OPERATORS_TOKENS_STAY: the
// account is an operator's); ALREADY_EXISTS (TOKEN_TAKEN).
struct ReplaceOwnerTokens {
  std::string account_name;
  Digest hash;
  AccountId by;
  struct Reply {
    AccountToken made;
    int64_t revoked_count = 0;  // by this call
    // From when on the address that was in force is paid to again, unless the
    // owner sets another; unset: there was none, or addresses do not wait.
    std::optional<absl::Time> payout_address_time;
  };
};

// A token was used just now. Changes nothing where that is noted already, with
// kTokenUseNoted of grace, or where the token has gone.
struct NoteTokenUse {
  TokenKey key;
  Digest hash;  // its number may be another one's by now
  struct Reply {};
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_COMMANDS_TOKEN_COMMANDS_H_
