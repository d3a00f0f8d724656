// SPDX-License-Identifier: Apache-2.0
// The tokens of an account. It always keeps one of the owner's scope that never
// expires: nobody locks an account for good by a slip.
#include "server/core/accounts/tokens.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/model/limits.h"
#include "common/model/receipt.h"
#include "server/core/accounts/accounts.h"
#include "server/core/state/operator_acts.h"

namespace archpool::accounts {
namespace {

// However fast an account makes and revokes tokens, it makes no more within
// that time than it may have at once, and each is known as revoked as long.
constexpr absl::Duration kNumberRests = absl::Hours(1);

// Calls `each(token)` for every token of the account, by number.
template <typename Each>
void ForEachOf(const PoolState& state, AccountId account, const Each& each) {
  const auto& all = state.tokens();
  for (auto it = all.lower_bound({account, 0});
       it != all.end() && it->first.account == account; ++it) {
    each(it->second);
  }
}

// The account's with that name: the one in force, else the one made last.
// nullptr: it had none.
const AccountToken* FindNamed(const PoolState& state, AccountId account,
                              const std::string& name, absl::Time now) {
  const AccountToken* found = nullptr;
  ForEachOf(state, account, [&](const AccountToken& token) {
    if (token.name != name) return;
    if (found != nullptr && found->IsInForce(now)) return;
    if (found == nullptr || token.IsInForce(now) ||
        token.create_time > found->create_time) {
      found = &token;
    }
  });
  return found;
}

absl::Status NameUnknown(const std::string& name) {
  return NotFound("TOKEN_NAME_UNKNOWN",
                  absl::StrCat("the account has no token '", name,
                               "' in force; archpool account token list shows "
                               "those it has"));
}

// The number of a new token: the first that was never used, else that of the
// token that is over, was made longest ago and has rested. 0: none is free.
int64_t FreeTokenNumber(const PoolState& state, AccountId account,
                        absl::Time now) {
  const auto& all = state.tokens();
  int64_t free = 0;
  absl::Time made = now - kNumberRests;
  for (int64_t number = 1; number <= limits::kTokensMax; ++number) {
    const auto found = all.find({account, number});
    if (found == all.end()) return number;
    const AccountToken& earlier = found->second;
    const bool has_rested =
        !earlier.revoke_time || *earlier.revoke_time <= now - kNumberRests;
    if (earlier.IsInForce(now) || !has_rested || earlier.create_time > made) {
      continue;
    }
    free = number;
    made = earlier.create_time;
  }
  return free;
}

absl::Status CheckScope(const Account& account, TokenScope scope) {
  const bool works =
      account.role == Role::kMiner || account.role == Role::kVerifier;
  const bool fits =
      (scope != TokenScope::kWork || works) &&
      (scope != TokenScope::kSpend || account.role == Role::kClient);
  if (fits) return absl::OkStatus();
  return FailedPrecondition(
      "SCOPE_OF_OTHER_ROLE",
      absl::StrCat("a token of the scope ", ToString(scope), " lets a ",
                   ToString(account.role),
                   " do nothing: work is for miners and verifiers, spend for "
                   "clients, owner and read for everybody"));
}

bool IsLastingOwner(const AccountToken& token) {
  return token.scope == TokenScope::kOwner && !token.expire_time;
}

// Whether the owner has another token, beside that one, which never expires;
// and for as long as a payout address waits: a thief who makes one could
// otherwise shut the owner out, and the address that it sets would be taken
// back by nobody.
bool HasLastingOwner(const Step& step, const TokenKey& but) {
  bool has = false;
  ForEachOf(step.state, but.account, [&](const AccountToken& token) {
    has = has ||
          (token.key != but && token.scope == TokenScope::kOwner &&
           !token.expire_time && token.IsInForce(step.now) &&
           token.create_time <= step.now - step.policy.payout_address_wait);
  });
  return has;
}

// Whether the token may end, where it does not by itself.
absl::Status CheckMayEnd(const Step& step, const AccountToken& token) {
  if (!IsLastingOwner(token) || HasLastingOwner(step, token.key)) {
    return absl::OkStatus();
  }
  return FailedPrecondition(
      "LAST_OWNER_TOKEN",
      absl::StrCat("'", token.name,
                   "' is the account's only token of the scope owner that "
                   "never expires and is older than a payout address waits: "
                   "without it nobody could make another one, or take back "
                   "what a thief does. Make one first (archpool account token "
                   "create --scope owner), keep it, and ask again after ",
                   absl::FormatDuration(step.policy.payout_address_wait)));
}

struct NewToken {
  AccountId account;
  const std::string& name;
  TokenScope scope;
  const std::optional<absl::Duration>& term;
  const Digest& hash;
};

// The record that is to be put; checks everything first.
absl::StatusOr<AccountToken> Make(const Step& step, const NewToken& wish) {
  const PoolState& state = step.state;
  ARCHPOOL_RETURN_IF_ERROR(CheckScope(*state.Find(wish.account), wish.scope));
  if (state.FindToken(wish.hash) != nullptr) {
    return AlreadyExists(
        "TOKEN_TAKEN",
        "this is, or was, another token of the pool; make a new one");
  }
  const AccountToken* const named =
      FindNamed(state, wish.account, wish.name, step.now);
  if (named != nullptr && named->IsInForce(step.now)) {
    return AlreadyExists("TOKEN_NAME_TAKEN",
                         absl::StrCat("the account has a token '", wish.name,
                                      "' in force; choose another name, or "
                                      "revoke that one first"));
  }
  const int64_t number = FreeTokenNumber(state, wish.account, step.now);
  if (number == 0) {
    return ResourceExhausted(
        "TOKEN_QUOTA",
        absl::StrCat("the account has ", limits::kTokensMax,
                     " tokens that are in force or were within the hour; "
                     "revoke those that nobody needs (archpool account token "
                     "revoke), and try again an hour later"));
  }
  AccountToken token{.key = {wish.account, number},
                     .name = wish.name,
                     .scope = wish.scope,
                     .hash = wish.hash,
                     .create_time = step.now};
  if (wish.term) {
    // In what the database keeps.
    token.expire_time =
        step.now + absl::Trunc(*wish.term, absl::Microseconds(1));
  }
  return token;
}

// The token of an earlier request, whose answer was lost; nullptr: there was
// none.
const AccountToken* FindMade(const PoolState& state, AccountId account,
                             const std::string& name, const Digest& hash) {
  const AccountToken* const found = state.FindToken(hash);
  return found != nullptr && found->key.account == account &&
                 found->name == name
             ? found
             : nullptr;
}

}  // namespace

AccountToken FirstToken(AccountId account, const Digest& hash, absl::Time now) {
  return {.key = {account, 1},
          .name = kFirstTokenName,
          .scope = TokenScope::kOwner,
          .hash = hash,
          .create_time = now};
}

void GiveFirstTokens(Step& step) {
  for (const auto& [id, account] : step.state.accounts().all()) {
    const auto next = step.state.tokens().lower_bound({id, 0});
    if (next != step.state.tokens().end() && next->first.account == id) {
      continue;
    }
    if (step.state.FindToken(account.token_hash) != nullptr) continue;
    step.state.Put(FirstToken(id, account.token_hash, step.now));
  }
}

absl::StatusOr<CreateToken::Reply> Execute(Step& step,
                                           const CreateToken& command) {
  const AccountToken* const earlier =
      FindMade(step.state, command.caller, command.name, command.hash);
  if (earlier != nullptr && earlier->scope == command.scope) return *earlier;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const AccountToken token,
      Make(step, {command.caller, command.name, command.scope, command.term,
                  command.hash}));
  step.state.Put(token);
  return token;
}

absl::StatusOr<RotateToken::Reply> Execute(Step& step,
                                           const RotateToken& command) {
  const PoolState& state = step.state;
  const AccountToken* const found =
      FindNamed(state, command.caller, command.replaced, step.now);
  if (found == nullptr) return NameUnknown(command.replaced);
  AccountToken replaced = *found;
  if (const AccountToken* const earlier =
          FindMade(state, command.caller, command.name, command.hash)) {
    return RotateToken::Reply{*earlier, replaced};
  }
  if (!replaced.IsInForce(step.now)) return NameUnknown(command.replaced);
  // The new one takes the place of the old one, if it lasts as long.
  if (command.term) {
    ARCHPOOL_RETURN_IF_ERROR(CheckMayEnd(step, replaced));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      const AccountToken made,
      Make(step, {command.caller, command.name, replaced.scope, command.term,
                  command.hash}));
  absl::Time end =
      step.now + absl::Trunc(command.overlap, absl::Microseconds(1));
  if (IsLastingOwner(replaced) && !HasLastingOwner(step, replaced.key)) {
    end = std::max(end, step.now + step.policy.payout_address_wait);
  }
  if (!replaced.expire_time || end < *replaced.expire_time) {
    replaced.expire_time = end;
  }
  step.state.Put(made);
  step.state.Put(replaced);
  return RotateToken::Reply{made, replaced};
}

absl::StatusOr<RevokeToken::Reply> Execute(Step& step,
                                           const RevokeToken& command) {
  const AccountToken* const found =
      FindNamed(step.state, command.caller, command.name, step.now);
  if (found == nullptr) return NameUnknown(command.name);
  if (!found->IsInForce(step.now)) return *found;
  ARCHPOOL_RETURN_IF_ERROR(CheckMayEnd(step, *found));
  AccountToken token = *found;
  token.revoke_time = step.now;
  step.state.Put(token);
  return token;
}

namespace {

// The first of "owner", "owner-2" and so on that no token in force has.
std::string FreeOwnerName(const Step& step, AccountId account) {
  std::string name = "owner";
  for (int64_t i = 2; i <= limits::kTokensMax + 1; ++i) {
    const AccountToken* const found =
        FindNamed(step.state, account, name, step.now);
    if (found == nullptr || !found->IsInForce(step.now)) break;
    name = absl::StrCat("owner-", i);
  }
  return name;
}

// What a thief may have set is paid to no sooner than what it would set now.
// What the owner is told of it.
std::optional<AddressReceipt> HoldAddress(const Step& step, Account& account) {
  const absl::Duration wait =
      absl::Trunc(step.policy.payout_address_wait, absl::Microseconds(1));
  if (wait <= absl::ZeroDuration()) return std::nullopt;
  // The owner may set one at once, however lately the thief did.
  account.address_wait_time.reset();
  std::optional<AddressReceipt> told;
  if (account.next_address) {
    told =
        AddressReceipt{account.next_address->address, "taken_back", step.now};
    account.next_address.reset();
  }
  if (!account.payout_address.empty()) {
    account.next_address = NextAddress{account.payout_address, step.now + wait};
    account.payout_address.clear();
    told = AddressReceipt{account.next_address->address, "waiting",
                          account.next_address->time};
  }
  return told;
}

}  // namespace

absl::StatusOr<ReplaceOwnerTokens::Reply> Execute(
    Step& step, const ReplaceOwnerTokens& command) {
  const Account* const found = step.state.accounts().Find(command.account_name);
  if (found == nullptr) {
    return NotFound("ACCOUNT_UNKNOWN", absl::StrCat("there is no account '",
                                                    command.account_name, "'"));
  }
  Account account = *found;
  if (account.role == Role::kOperator) {
    return FailedPrecondition(
        "OPERATORS_TOKENS_STAY",
        absl::StrCat("'", account.name,
                     "' is an operator: who stole one operator's token could "
                     "shut out all others by it. Its own tokens are replaced "
                     "by archpool account token rotate"));
  }
  if (const AccountToken* const earlier = step.state.FindToken(command.hash)) {
    if (earlier->key.account != account.id ||
        earlier->scope != TokenScope::kOwner) {
      return AlreadyExists(
          "TOKEN_TAKEN",
          "this is, or was, another token of the pool; make a new one");
    }
    ReplaceOwnerTokens::Reply reply{.made = *earlier};
    if (account.next_address) {
      reply.payout_address_time = account.next_address->time;
    }
    return reply;
  }
  ReplaceOwnerTokens::Reply reply;
  std::vector<AccountToken> over;
  ForEachOf(step.state, account.id, [&](const AccountToken& token) {
    if (token.scope == TokenScope::kOwner && token.IsInForce(step.now)) {
      over.push_back(token);
    }
  });
  for (AccountToken& token : over) {
    token.revoke_time = step.now;
    step.state.Put(token);
  }
  int64_t number = FreeTokenNumber(step.state, account.id, step.now);
  // A thief can use up all numbers, and keeps nobody out by it: one of those
  // that ended just now is used again at once.
  if (number == 0) {
    ARCHPOOL_CHECK(!over.empty());  // one of the owner's always stays
    number = over.back().key.number;
  }
  reply.made = {.key = {account.id, number},
                .name = FreeOwnerName(step, account.id),
                .scope = TokenScope::kOwner,
                .hash = command.hash,
                .create_time = step.now};
  step.state.Put(reply.made);
  reply.revoked_count = std::ssize(over);
  const std::optional<AddressReceipt> told = HoldAddress(step, account);
  if (account.next_address) {
    reply.payout_address_time = account.next_address->time;
  }
  step.state.Put(account);
  if (told) step.state.Hand(account.id, *told);
  NoteAct(step, command.by, "replace_owner_tokens", account.name,
          absl::StrCat(reply.revoked_count, " revoked, '", reply.made.name,
                       "' made"));
  return reply;
}

absl::StatusOr<NoteTokenUse::Reply> Execute(Step& step,
                                            const NoteTokenUse& command) {
  const auto found = step.state.tokens().find(command.key);
  if (found == step.state.tokens().end()) return NoteTokenUse::Reply();
  AccountToken token = found->second;
  const absl::Time noted = token.last_use_time.value_or(token.create_time);
  if (!AreEqualInConstantTime(token.hash, command.hash) ||
      !token.IsInForce(step.now) || step.now - noted < kTokenUseNoted) {
    return NoteTokenUse::Reply();
  }
  token.last_use_time = step.now;
  step.state.Put(token);
  return NoteTokenUse::Reply();
}

}  // namespace archpool::accounts
