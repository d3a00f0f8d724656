// SPDX-License-Identifier: Apache-2.0
// Records of who may join the pool. Value types; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_INVITATION_RECORDS_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_INVITATION_RECORDS_H_

#include <compare>
#include <cstdint>

#include "absl/time/time.h"
#include "common/crypto/sha256.h"
#include "common/model/account.h"
#include "common/model/ids.h"

namespace archpool {

// An account has few invitations at a time, and their numbers are used again:
// an account that invites and revokes for years fills no table.
struct InvitationKey {
  AccountId inviter;
  int64_t number = 0;  // in [1, limits::kInvitationsOpenMax]

  friend auto operator<=>(const InvitationKey&, const InvitationKey&) = default;
};

// Who knows its code may make an account. It is open until it expires or is
// used up; to revoke it lets it expire at once, so it needs no state.
struct Invitation {
  InvitationKey key;
  Role role = Role::kMiner;  // of those who join
  Digest code_hash;          // SHA-256 of the code
  int64_t uses_max = 1;
  int64_t uses = 0;  // accounts made by it
  absl::Time create_time;
  absl::Time expire_time;

  bool IsOpen(absl::Time now) const {
    return uses < uses_max && now < expire_time;
  }

  friend bool operator==(const Invitation&, const Invitation&) = default;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_INVITATION_RECORDS_H_
