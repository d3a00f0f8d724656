// SPDX-License-Identifier: Apache-2.0
// Who comes by whose invitation. Accounts that do are held for one person's
// with the account that invited them: nothing tells whether they are.
#include <cstdint>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/model/limits.h"
#include "server/core/accounts/accounts.h"
#include "server/core/accounts/tokens.h"

namespace archpool::accounts {
namespace {

absl::Status CheckOpen(const Step& step) {
  if (step.policy.takes_invited) return absl::OkStatus();
  return FailedPrecondition(
      "REGISTRATION_CLOSED",
      "this pool takes no invitations; its operator makes the accounts");
}

int64_t OpenOf(const PoolState& state, AccountId inviter, absl::Time now) {
  int64_t open = 0;
  const auto& all = state.invitations();
  for (auto it = all.lower_bound({inviter, 0});
       it != all.end() && it->first.inviter == inviter; ++it) {
    if (it->second.IsOpen(now)) ++open;
  }
  return open;
}

int64_t OpenOfGroup(const PoolState& state, const Account& account,
                    absl::Time now) {
  if (account.group.empty()) return OpenOf(state, account.id, now);
  int64_t open = 0;
  for (const AccountId id : state.accounts().InGroup(account.group)) {
    open += OpenOf(state, id, now);
  }
  return open;
}

// The number of a new invitation: the first that was never used, else that of
// the one that is over and was made longest ago. 0: all are open.
int64_t FreeNumber(const PoolState& state, AccountId inviter, absl::Time now) {
  const auto& all = state.invitations();
  int64_t free = 0;
  absl::Time made = absl::InfiniteFuture();
  for (int64_t number = 1; number <= limits::kInvitationsOpenMax; ++number) {
    const auto found = all.find({inviter, number});
    if (found == all.end()) return number;
    const Invitation& earlier = found->second;
    if (earlier.IsOpen(now) || earlier.create_time >= made) continue;
    free = number;
    made = earlier.create_time;
  }
  return free;
}

// Those of an operator's invitations are strangers to each other.
bool FillsAGroup(const Account& inviter) {
  return inviter.role != Role::kOperator;
}

// Whether `count` more accounts may come to the inviter's group.
absl::Status CheckRoom(const PoolState& state, const Account& inviter,
                       int64_t count) {
  if (!FillsAGroup(inviter)) return absl::OkStatus();
  const int64_t held = std::ssize(state.accounts().InGroup(inviter.group));
  if (held + count <= limits::kInvitedPerGroupMax) return absl::OkStatus();
  return FailedPrecondition(
      "GROUP_FULL",
      absl::StrCat("the accounts that came by each other's invitations are ",
                   held, " here, of ", limits::kInvitedPerGroupMax,
                   "; ask the pool's operator for an account"));
}

// The group that an account's invitations fill: the one that it is in, or one
// that begins with it. Puts it there.
std::string JoinedGroup(Step& step, const Account& inviter) {
  if (!FillsAGroup(inviter)) return "";
  if (!inviter.group.empty()) return inviter.group;
  Account root = inviter;
  root.group = absl::StrCat("invited-by-", root.id.ToString());
  step.state.Put(root);
  return root.group;
}

}  // namespace

absl::StatusOr<Invite::Reply> Execute(Step& step, const Invite& command) {
  ARCHPOOL_RETURN_IF_ERROR(CheckOpen(step));
  const PoolState& state = step.state;
  const Account& caller = *state.Find(command.caller);
  if (const Invitation* found = state.FindInvitation(command.code_hash)) {
    // The same request again, whose answer was lost.
    if (found->key.inviter == command.caller) return *found;
    return AlreadyExists("CODE_TAKEN",
                         "another invitation has this code; make a new one");
  }
  if (caller.state == AccountState::kSuspended) {
    return FailedPrecondition("ACCOUNT_SUSPENDED",
                              "a suspended account invites nobody; ask the "
                              "pool's operator");
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckRoom(state, caller, command.uses_max));
  const int64_t number = FreeNumber(state, command.caller, step.now);
  if (number == 0 ||
      OpenOfGroup(state, caller, step.now) >= limits::kInvitationsOpenMax) {
    return ResourceExhausted(
        "INVITATION_QUOTA",
        absl::StrCat("the account, with the others of its group, has ",
                     limits::kInvitationsOpenMax,
                     " open invitations; revoke one (archpool invite revoke), "
                     "or wait until one is used or expires"));
  }
  const Invitation invitation{
      .key = {command.caller, number},
      .role = command.role,
      .code_hash = command.code_hash,
      .uses_max = command.uses_max,
      .create_time = step.now,
      // In what the database keeps.
      .expire_time =
          step.now + absl::Trunc(command.term, absl::Microseconds(1))};
  step.state.Put(invitation);
  return invitation;
}

absl::StatusOr<RevokeInvitation::Reply> Execute(
    Step& step, const RevokeInvitation& command) {
  const auto& all = step.state.invitations();
  const auto found = all.find(command.key);
  if (found == all.end()) {
    return NotFound(
        "INVITATION_UNKNOWN",
        absl::StrCat("the account has no invitation ", command.key.number,
                     "; archpool invite list shows those it has"));
  }
  Invitation invitation = found->second;
  if (!invitation.IsOpen(step.now)) return invitation;
  invitation.expire_time = step.now;
  step.state.Put(invitation);
  return invitation;
}

absl::StatusOr<Join::Reply> Execute(Step& step, const Join& command) {
  ARCHPOOL_RETURN_IF_ERROR(CheckOpen(step));
  const PoolState& state = step.state;
  const Account* earlier = state.accounts().Find(command.name);
  // The same request again, whose answer was lost: the use is counted.
  if (earlier != nullptr && earlier->invited_by.IsSet() &&
      AreEqualInConstantTime(earlier->token_hash, command.token_hash)) {
    return *earlier;
  }
  const Invitation* found = state.FindInvitation(command.code_hash);
  const Account* const inviter =
      found == nullptr ? nullptr : state.Find(found->key.inviter);
  // One answer, so that nobody learns which codes there were, or whose.
  if (inviter == nullptr || !found->IsOpen(step.now) ||
      inviter->state == AccountState::kSuspended) {
    return PermissionDenied(
        "INVITATION_INVALID",
        "no invitation that is open has this code: it may be mistyped, used "
        "up, expired or revoked; ask who invited you for another");
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckRoom(state, *inviter, 1));
  ARCHPOOL_RETURN_IF_ERROR(CheckNew(state, command.name, command.token_hash));
  Invitation invitation = *found;
  ++invitation.uses;
  step.state.Put(invitation);
  // A pointer holds until the next Put of its kind.
  const AccountId invited_by = inviter->id;
  const std::string group = JoinedGroup(step, *inviter);
  const Account account{.id = step.state.NextAccountId(),
                        .name = command.name,
                        .role = invitation.role,
                        .token_hash = command.token_hash,
                        .group = group,
                        .invited_by = invited_by};
  step.state.Put(account);
  step.state.Put(FirstToken(account.id, account.token_hash, step.now));
  return account;
}

}  // namespace archpool::accounts
