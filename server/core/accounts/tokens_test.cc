// SPDX-License-Identifier: Apache-2.0
// What an account may do with its tokens, and that it is never without one.
#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/model/limits.h"
#include "gtest/gtest.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

class TokensTest : public ::testing::Test {
 protected:
  TokensTest() : alice_(pool_.Make("alice", Role::kMiner)) {}

  absl::StatusOr<AccountToken> TryMake(
      const std::string& name, TokenScope scope = TokenScope::kWork,
      std::optional<absl::Duration> term = std::nullopt) {
    return pool_.Try(CreateToken{.caller = alice_,
                                 .name = name,
                                 .scope = scope,
                                 .term = term,
                                 .hash = Sha256(name)});
  }
  absl::StatusOr<RotateToken::Reply> TryRotate(
      const std::string& replaced, const std::string& name,
      absl::Duration overlap = absl::Hours(24),
      std::optional<absl::Duration> term = std::nullopt) {
    return pool_.Try(RotateToken{.caller = alice_,
                                 .replaced = replaced,
                                 .name = name,
                                 .term = term,
                                 .overlap = overlap,
                                 .hash = Sha256(name)});
  }
  absl::StatusOr<AccountToken> TryRevoke(const std::string& name) {
    return pool_.Try(RevokeToken{.caller = alice_, .name = name});
  }
  AccountToken Find(int64_t number) const {
    return pool_.pool.state().tokens().at({alice_, number});
  }
  // The pool goes on; there is nothing to be done in it.
  void Sleep(absl::Duration duration) { pool_.now += duration; }

  TestPool pool_;
  AccountId alice_;
};

TEST_F(TokensTest, AnAccountBeginsWithOneOfTheOwner) {
  const AccountToken first = Find(1);
  EXPECT_EQ(first.name, "first");
  EXPECT_EQ(first.scope, TokenScope::kOwner);
  EXPECT_EQ(first.hash, pool_.pool.state().Find(alice_)->token_hash);
  EXPECT_EQ(first.expire_time, std::nullopt);
  EXPECT_TRUE(first.IsInForce(pool_.now + absl::Hours(1'000'000)));
}

TEST_F(TokensTest, OneIsMadeOnceHoweverOftenItIsAskedFor) {
  const auto made = TryMake("w", TokenScope::kWork, absl::Hours(2));
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->key, (TokenKey{alice_, 2}));
  EXPECT_EQ(*made->expire_time, pool_.now + absl::Hours(2));
  Sleep(absl::Seconds(1));
  EXPECT_EQ(*TryMake("w", TokenScope::kWork, absl::Hours(2)), *made);
  const auto other = pool_.Try(CreateToken{.caller = alice_,
                                           .name = "w",
                                           .scope = TokenScope::kWork,
                                           .hash = Sha256("another")});
  EXPECT_THAT(other, FailsWith("TOKEN_NAME_TAKEN"));
  const auto same = pool_.Try(CreateToken{.caller = alice_,
                                          .name = "v",
                                          .scope = TokenScope::kWork,
                                          .hash = Sha256("w")});
  EXPECT_THAT(same, FailsWith("TOKEN_TAKEN"));
  Sleep(absl::Hours(2));
  EXPECT_FALSE(Find(2).IsInForce(pool_.now));
  EXPECT_THAT(pool_.Try(CreateToken{.caller = alice_,
                                    .name = "w",
                                    .scope = TokenScope::kWork,
                                    .hash = Sha256("another")}),
              IsOk())
      << "its name is free again";
}

TEST_F(TokensTest, NobodyTakesAnothersTokenForAnAccount) {
  ASSERT_THAT(TryMake("w"), IsOk());
  EXPECT_THAT(pool_.Try(CreateAccount{"eve", Role::kMiner, Sha256("w")}),
              FailsWith("TOKEN_TAKEN"));
  const AccountId bob = pool_.Make("bob", Role::kMiner);
  EXPECT_THAT(pool_.Try(CreateToken{.caller = bob,
                                    .name = "w",
                                    .scope = TokenScope::kWork,
                                    .hash = Sha256("w")}),
              FailsWith("TOKEN_TAKEN"));
}

TEST_F(TokensTest, AScopeFitsTheRole) {
  EXPECT_THAT(TryMake("s", TokenScope::kSpend),
              FailsWith("SCOPE_OF_OTHER_ROLE"));
  EXPECT_THAT(TryMake("r", TokenScope::kRead), IsOk());
  const auto make = [&](AccountId caller, TokenScope scope) {
    return pool_.Try(CreateToken{
        .caller = caller,
        .name = std::string(ToString(scope)),
        .scope = scope,
        .hash = Sha256(absl::StrCat(caller.value, ToString(scope)))});
  };
  EXPECT_THAT(make(pool_.client, TokenScope::kSpend), IsOk());
  EXPECT_THAT(make(pool_.client, TokenScope::kWork),
              FailsWith("SCOPE_OF_OTHER_ROLE"));
  EXPECT_THAT(make(pool_.verifier, TokenScope::kWork), IsOk());
  const AccountId boss = pool_.Make("boss", Role::kOperator);
  EXPECT_THAT(make(boss, TokenScope::kSpend), FailsWith("SCOPE_OF_OTHER_ROLE"));
  EXPECT_THAT(make(boss, TokenScope::kRead), IsOk());
}

TEST_F(TokensTest, TheLastOwnersTokenStays) {
  EXPECT_THAT(TryRevoke("first"), FailsWith("LAST_OWNER_TOKEN"));
  ASSERT_THAT(TryMake("w"), IsOk());
  EXPECT_THAT(TryRevoke("first"), FailsWith("LAST_OWNER_TOKEN"));
  // One that ends by itself is no other.
  ASSERT_THAT(TryMake("soon", TokenScope::kOwner, absl::Hours(1)), IsOk());
  EXPECT_THAT(TryRevoke("first"), FailsWith("LAST_OWNER_TOKEN"));
  EXPECT_THAT(TryRotate("first", "next", absl::Hours(24), absl::Hours(48)),
              FailsWith("LAST_OWNER_TOKEN"));
  EXPECT_EQ(pool_.pool.state().FindToken(Sha256("next")), nullptr);
  ASSERT_THAT(TryMake("second", TokenScope::kOwner), IsOk());
  ASSERT_THAT(TryRevoke("first"), IsOk());
  EXPECT_THAT(TryRevoke("first"), IsOk()) << "asking again";
  EXPECT_THAT(TryRevoke("second"), FailsWith("LAST_OWNER_TOKEN"));
  EXPECT_THAT(TryRevoke("soon"), IsOk());
  EXPECT_THAT(TryRevoke("w"), IsOk());
  EXPECT_THAT(TryRevoke("other"), FailsWith("TOKEN_NAME_UNKNOWN"));
}

// Else who stole one could shut its owner out, and the payout address that it
// sets would be taken back by nobody.
TEST_F(TokensTest, AYoungOwnersTokenEndsNoneBeforeAnAddressWouldBeInForce) {
  const absl::Duration wait = absl::Hours(24);
  pool_.policy.payout_address_wait = wait;
  pool_.pool = Pool(pool_.policy, pool_.pool.state().Snapshot());
  ASSERT_THAT(TryMake("thiefs", TokenScope::kOwner), IsOk());
  EXPECT_THAT(TryRevoke("first"), FailsWith("LAST_OWNER_TOKEN"));
  const auto rotated = TryRotate("first", "next", absl::ZeroDuration());
  ASSERT_THAT(rotated, IsOk());
  EXPECT_EQ(rotated->replaced.expire_time, pool_.now + wait);
  Sleep(wait);
  EXPECT_THAT(TryRevoke("next"), IsOk()) << "the other one is as old";
}

TEST_F(TokensTest, ReplacedTokensOverlap) {
  ASSERT_THAT(TryMake("w"), IsOk());
  const auto rotated = TryRotate("w", "w-2");
  ASSERT_THAT(rotated, IsOk());
  EXPECT_EQ(rotated->made.scope, TokenScope::kWork);
  EXPECT_EQ(rotated->made.expire_time, std::nullopt);
  EXPECT_EQ(*rotated->replaced.expire_time, pool_.now + absl::Hours(24));
  EXPECT_EQ(Find(2), rotated->replaced);
  // The same request again does not move the end.
  Sleep(absl::Hours(1));
  const auto again = TryRotate("w", "w-2");
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->made, rotated->made);
  EXPECT_EQ(again->replaced, rotated->replaced);
  Sleep(absl::Hours(23));
  EXPECT_FALSE(Find(2).IsInForce(pool_.now));
  EXPECT_TRUE(Find(3).IsInForce(pool_.now));
  EXPECT_THAT(TryRotate("w", "w-3"), FailsWith("TOKEN_NAME_UNKNOWN"));
  // What expires earlier still does.
  ASSERT_THAT(TryMake("short", TokenScope::kRead, absl::Hours(1)), IsOk());
  const auto shorter = TryRotate("short", "short-2");
  ASSERT_THAT(shorter, IsOk());
  EXPECT_EQ(*shorter->replaced.expire_time, pool_.now + absl::Hours(1));
  // The owner's last one is replaced by another that lasts.
  EXPECT_THAT(TryRotate("first", "second"), IsOk());
  EXPECT_THAT(TryRevoke("first"), IsOk());
}

TEST_F(TokensTest, AnAccountHasFewAndMakesFewWithinAnHour) {
  for (int64_t i = 2; i <= limits::kTokensMax; ++i) {
    ASSERT_THAT(TryMake(absl::StrCat("w", i)), IsOk());
  }
  EXPECT_THAT(TryMake("more"), FailsWith("TOKEN_QUOTA"));
  Sleep(absl::Hours(2));
  EXPECT_THAT(TryMake("more"), FailsWith("TOKEN_QUOTA"));
  ASSERT_THAT(TryRevoke("w5"), IsOk());
  EXPECT_THAT(TryMake("more"), FailsWith("TOKEN_QUOTA"))
      << "who carries it still hears that it is revoked";
  Sleep(absl::Hours(1));
  const auto more = TryMake("more");
  ASSERT_THAT(more, IsOk());
  EXPECT_EQ(more->key.number, 5);
  EXPECT_EQ(pool_.pool.state().FindToken(Sha256("w5")), nullptr);
  EXPECT_EQ(pool_.pool.state().FindToken(Sha256("more"))->key.number, 5);
  // Made and revoked at once, none is free within the hour.
  ASSERT_THAT(TryRevoke("more"), IsOk());
  EXPECT_THAT(TryMake("again"), FailsWith("TOKEN_QUOTA"));
}

class StolenTest : public TokensTest {
 protected:
  static constexpr absl::Duration kWait = absl::Hours(24);

  StolenTest() : boss_(pool_.Make("boss", Role::kOperator)) {
    pool_.policy.payout_address_wait = kWait;
    pool_.pool = Pool(pool_.policy, pool_.pool.state().Snapshot());
    pool_.Do(Tick{});  // it was not away
  }
  absl::StatusOr<ReplaceOwnerTokens::Reply> TryReplace(
      const std::string& account = "alice", const std::string& token = "new") {
    return pool_.Try(ReplaceOwnerTokens{
        .account_name = account, .hash = Sha256(token), .by = boss_});
  }
  Account Alice() const { return *pool_.pool.state().Find(alice_); }

  AccountId boss_;
};

TEST_F(StolenTest, AnOperatorReplacesWhatWasStolen) {
  ASSERT_THAT(TryMake("w"), IsOk());
  ASSERT_THAT(TryMake("thiefs", TokenScope::kOwner), IsOk());
  const auto reply = TryReplace();
  ASSERT_THAT(reply, IsOk());
  EXPECT_EQ(reply->revoked_count, 2);
  EXPECT_EQ(reply->made.name, "owner");
  EXPECT_EQ(reply->made.scope, TokenScope::kOwner);
  EXPECT_EQ(reply->made.expire_time, std::nullopt);
  EXPECT_FALSE(Find(1).IsInForce(pool_.now));
  EXPECT_FALSE(Find(3).IsInForce(pool_.now));
  EXPECT_TRUE(Find(2).IsInForce(pool_.now)) << "workers go on";
  EXPECT_EQ(Find(4), reply->made);
  // Asking again, and again for another one.
  const auto again = TryReplace();
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->made, reply->made);
  EXPECT_EQ(again->revoked_count, 0);
  EXPECT_TRUE(Find(4).IsInForce(pool_.now));
  const auto next = TryReplace("alice", "newer");
  ASSERT_THAT(next, IsOk());
  EXPECT_EQ(next->revoked_count, 1);
  EXPECT_EQ(next->made.name, "owner") << "the other of that name is over";
  EXPECT_THAT(TryRevoke("owner"), FailsWith("LAST_OWNER_TOKEN"));
}

TEST_F(StolenTest, WhatTheThiefSetIsPaidToNoSoonerThanWhatItWouldSetNow) {
  pool_.Do(SetPayoutTerms{.caller = alice_, .address = "alices"});
  pool_.Advance(kWait);
  ASSERT_EQ(Alice().payout_address, "alices");
  pool_.Do(SetPayoutTerms{.caller = alice_, .address = "thiefs"});
  const auto reply = TryReplace();
  ASSERT_THAT(reply, IsOk());
  EXPECT_EQ(reply->payout_address_time, pool_.now + kWait);
  EXPECT_EQ(Alice().payout_address, "");
  EXPECT_EQ(Alice().next_address, (NextAddress{"alices", pool_.now + kWait}));
  // Though the thief set one within the minute, the owner may set one now.
  EXPECT_THAT(pool_.Try(SetPayoutTerms{.caller = alice_, .address = "safe"}),
              IsOk());
  EXPECT_EQ(Alice().next_address, (NextAddress{"safe", pool_.now + kWait}));
  pool_.Advance(kWait);
  EXPECT_EQ(Alice().payout_address, "safe");
}

TEST_F(StolenTest, AnAddressThatWaitsIsTakenBack) {
  pool_.Do(SetPayoutTerms{.caller = alice_, .address = "thiefs"});
  const auto reply = TryReplace();
  ASSERT_THAT(reply, IsOk());
  EXPECT_EQ(reply->payout_address_time, std::nullopt);
  EXPECT_EQ(Alice().payout_address, "");
  EXPECT_EQ(Alice().next_address, std::nullopt);
}

// However many tokens a thief has made.
TEST_F(StolenTest, NoThiefUsesUpTheNumbers) {
  for (int64_t i = 2; i <= limits::kTokensMax; ++i) {
    ASSERT_THAT(TryMake(absl::StrCat("t", i), TokenScope::kOwner), IsOk());
  }
  const auto reply = TryReplace();
  ASSERT_THAT(reply, IsOk());
  EXPECT_EQ(reply->revoked_count, limits::kTokensMax);
  EXPECT_EQ(pool_.pool.state().FindToken(Sha256("new"))->key, reply->made.key);
  for (int64_t i = 1; i <= limits::kTokensMax; ++i) {
    EXPECT_EQ(Find(i).IsInForce(pool_.now), i == reply->made.key.number);
  }
}

TEST_F(StolenTest, OperatorsAreNotReplacedByOperators) {
  EXPECT_THAT(TryReplace("boss"), FailsWith("OPERATORS_TOKENS_STAY"));
  EXPECT_THAT(TryReplace("nobody"), FailsWith("ACCOUNT_UNKNOWN"));
  pool_.Make("bob", Role::kMiner);
  ASSERT_THAT(TryMake("w"), IsOk());
  EXPECT_THAT(TryReplace("bob", "w"), FailsWith("TOKEN_TAKEN"));
  EXPECT_TRUE(Find(1).IsInForce(pool_.now));
}

TEST_F(TokensTest, ItsUseIsNotedOnceAnHour) {
  const auto use = [this] {
    const AccountToken first = Find(1);
    pool_.Do(NoteTokenUse{.key = first.key, .hash = first.hash});
    return Find(1).last_use_time;
  };
  EXPECT_EQ(use(), std::nullopt);
  Sleep(absl::Hours(1));
  const auto noted = use();
  EXPECT_EQ(noted, pool_.now);
  Sleep(absl::Minutes(59));
  EXPECT_EQ(use(), noted);
  Sleep(absl::Minutes(1));
  EXPECT_EQ(use(), pool_.now);
  pool_.pool.TakeEvents();
  pool_.Do(NoteTokenUse{.key = {alice_, 1}, .hash = Sha256("another")});
  pool_.Do(NoteTokenUse{.key = {alice_, 9}, .hash = Sha256("another")});
  EXPECT_TRUE(pool_.pool.TakeEvents().empty());
}

// An account that a server from before made beside this one has none.
TEST_F(TokensTest, WhoHasNoneIsGivenTheOneItWasMadeWith) {
  ASSERT_THAT(TryMake("w"), IsOk());
  PoolSnapshot snapshot = pool_.pool.state().Snapshot();
  const AccountId client = pool_.client;
  snapshot.records.erase(
      std::remove_if(snapshot.records.begin(), snapshot.records.end(),
                     [client](const Event& event) {
                       const auto* token = std::get_if<AccountToken>(&event);
                       return token != nullptr && token->key.account == client;
                     }),
      snapshot.records.end());
  pool_.pool = Pool(pool_.policy, snapshot);
  pool_.Do(UpgradeRecords{});
  const auto& tokens = pool_.pool.state().tokens();
  ASSERT_TRUE(tokens.contains({client, 1}));
  EXPECT_EQ(tokens.at({client, 1}).hash,
            pool_.pool.state().Find(client)->token_hash);
  EXPECT_EQ(Find(2).name, "w");
  pool_.pool.TakeEvents();
  pool_.Do(UpgradeRecords{});
  EXPECT_TRUE(pool_.pool.TakeEvents().empty());
}

}  // namespace
}  // namespace archpool
