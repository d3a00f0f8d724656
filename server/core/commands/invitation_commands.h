// SPDX-License-Identifier: Apache-2.0
// The inputs of the core about invitations. Part of
// server/core/commands/commands.h, which says what commands are.
#ifndef ARCHPOOL_SERVER_CORE_COMMANDS_INVITATION_COMMANDS_H_
#define ARCHPOOL_SERVER_CORE_COMMANDS_INVITATION_COMMANDS_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "server/core/records/entities.h"

namespace archpool {

// Idempotent by the code. FAILED_PRECONDITION (REGISTRATION_CLOSED,
// ACCOUNT_SUSPENDED, GROUP_FULL: more would come than a group may take);
// RESOURCE_EXHAUSTED (INVITATION_QUOTA); ALREADY_EXISTS (CODE_TAKEN).
struct Invite {
  AccountId caller;
  Role role = Role::kMiner;  // of those who join
  int64_t uses_max = 1;
  absl::Duration term;
  Digest code_hash;
  using Reply = Invitation;
};

// Idempotent. The edge has checked that the caller is an operator, or that the
// invitation is its own. NOT_FOUND (INVITATION_UNKNOWN).
struct RevokeInvitation {
  InvitationKey key;
  using Reply = Invitation;
};

// Makes an account for a person who knows the code of an open invitation.
// Idempotent by name and token. FAILED_PRECONDITION (REGISTRATION_CLOSED,
// GROUP_FULL); PERMISSION_DENIED (INVITATION_INVALID: there is none, whatever
// became of it); ALREADY_EXISTS (ACCOUNT_NAME_TAKEN, TOKEN_TAKEN).
struct Join {
  Digest code_hash;
  std::string name;
  Digest token_hash;
  using Reply = Account;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_COMMANDS_INVITATION_COMMANDS_H_
