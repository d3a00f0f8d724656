// SPDX-License-Identifier: Apache-2.0
// Accounts that come by each other's invitations.
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/model/limits.h"
#include "gtest/gtest.h"
#include "server/core/state/quotas.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

PoolPolicy OpenToTheInvited() {
  PoolPolicy policy = AuditEverything();
  policy.takes_invited = true;
  policy.leases_on_trust = 2;
  return policy;
}

Digest HashOf(const std::string& code) { return Sha256(code); }

class InvitationsTest : public ::testing::Test {
 protected:
  InvitationsTest()
      : boss_(pool_.Make("boss", Role::kOperator)),
        alice_(pool_.Make("alice", Role::kMiner)) {}

  absl::StatusOr<Invitation> TryInvite(AccountId caller,
                                       const std::string& code,
                                       int64_t uses_max = 1) {
    return pool_.Try(Invite{.caller = caller,
                            .role = Role::kMiner,
                            .uses_max = uses_max,
                            .term = absl::Hours(1),
                            .code_hash = HashOf(code)});
  }
  Invitation Make(AccountId caller, const std::string& code,
                  int64_t uses_max = 1) {
    const auto made = TryInvite(caller, code, uses_max);
    EXPECT_THAT(made, IsOk());
    return made.ok() ? *made : Invitation();
  }
  absl::StatusOr<Account> TryJoin(const std::string& code,
                                  const std::string& name) {
    return pool_.Try(
        Join{.code_hash = HashOf(code),
             .name = name,
             .token_hash = Sha256(absl::StrCat(name, "'s token"))});
  }
  AccountId Come(const std::string& code, const std::string& name) {
    const auto made = TryJoin(code, name);
    EXPECT_THAT(made, IsOk());
    return made.ok() ? made->id : AccountId();
  }

  TestPool pool_{OpenToTheInvited()};
  AccountId boss_;
  AccountId alice_;
};

TEST_F(InvitationsTest, WhoComesIsHeldForOnePersonWithWhoInvited) {
  const Invitation made = Make(alice_, "a", 2);
  EXPECT_EQ(made.key, (InvitationKey{alice_, 1}));
  EXPECT_EQ(pool_.Find(alice_).group, "") << "until somebody comes";
  const AccountId bob = Come("a", "bob");
  EXPECT_EQ(pool_.Find(bob).role, Role::kMiner);
  EXPECT_EQ(pool_.Find(bob).invited_by, alice_);
  EXPECT_EQ(pool_.Find(bob).group,
            absl::StrCat("invited-by-", alice_.ToString()));
  EXPECT_TRUE(AreOneGroup(pool_.Find(alice_), pool_.Find(bob)));

  // Whom they invite belongs to the same root, however long the chain.
  Make(bob, "b");
  const AccountId carol = Come("b", "carol");
  EXPECT_EQ(pool_.Find(carol).invited_by, bob);
  EXPECT_EQ(pool_.Find(carol).group, pool_.Find(alice_).group);
  TaskSpec spec = TinySpec(64);
  spec.subspaces = 64;
  pool_.Submit(spec);
  const auto ask = [&](AccountId miner) {
    return pool_.Do(
        AcquireLease{.caller = miner, .session = pool_.Open(miner, "w")});
  };
  EXPECT_TRUE(ask(alice_).grant.has_value());
  EXPECT_TRUE(ask(bob).grant.has_value());
  EXPECT_EQ(ask(carol).idle_reason, "LEASES_ON_TRUST");

  // An operator's word about one of them stands.
  pool_.Do(SetQuotas{.name = "carol", .group = ""});
  EXPECT_TRUE(ask(carol).grant.has_value());
}

TEST_F(InvitationsTest, AGroupThatIsThereTakesThem) {
  pool_.Do(SetQuotas{.name = "alice", .group = "smith"});
  Make(alice_, "a");
  EXPECT_EQ(pool_.Find(Come("a", "bob")).group, "smith");
}

TEST_F(InvitationsTest, AnOperatorsGuestsAreStrangersToEachOther) {
  Make(boss_, "a", 2);
  const AccountId bob = Come("a", "bob");
  const AccountId carol = Come("a", "carol");
  EXPECT_EQ(pool_.Find(bob).group, "");
  EXPECT_EQ(pool_.Find(carol).group, "");
  EXPECT_EQ(pool_.Find(boss_).group, "");
  EXPECT_EQ(pool_.Find(bob).invited_by, boss_);
  Make(bob, "b");
  const AccountId dave = Come("b", "dave");
  EXPECT_TRUE(AreOneGroup(pool_.Find(bob), pool_.Find(dave)));
  EXPECT_FALSE(AreOneGroup(pool_.Find(carol), pool_.Find(dave)));
}

// Whatever became of it, there is one answer.
TEST_F(InvitationsTest, OnlyWhatIsOpenLetsSomebodyIn) {
  Make(alice_, "used");
  Come("used", "bob");
  const Invitation revoked = Make(alice_, "revoked");
  pool_.Do(RevokeInvitation{revoked.key});
  Make(alice_, "expired");
  const AccountId eve = pool_.Make("eve", Role::kMiner);
  std::string said;
  const auto expect_closed = [&](const std::string& code) {
    const absl::Status status = TryJoin(code, "carol").status();
    EXPECT_THAT(status, FailsWith("INVITATION_INVALID")) << code;
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
    if (said.empty()) said = std::string(status.message());
    EXPECT_EQ(status.message(), said);
    EXPECT_THAT(TryJoin(code, "alice"), FailsWith("INVITATION_INVALID"))
        << "not even whether a name is taken";
  };
  expect_closed("never made");
  expect_closed("used");
  expect_closed("revoked");
  EXPECT_TRUE(
      pool_.pool.state().FindInvitation(HashOf("expired"))->IsOpen(pool_.now));
  pool_.Advance(absl::Hours(1));
  expect_closed("expired");
  Make(eve, "of a suspended one");
  pool_.Do(SetAccountState{"eve", AccountState::kSuspended});
  expect_closed("of a suspended one");
  EXPECT_THAT(TryInvite(eve, "another"), FailsWith("ACCOUNT_SUSPENDED"));
  EXPECT_EQ(pool_.pool.state().accounts().Find("carol"), nullptr);
}

TEST_F(InvitationsTest, AskingAgainChangesNothing) {
  const Invitation made = Make(alice_, "a", 2);
  EXPECT_EQ(Make(alice_, "a", 5), made);
  EXPECT_THAT(TryInvite(boss_, "a"), FailsWith("CODE_TAKEN"));
  const AccountId bob = Come("a", "bob");
  EXPECT_EQ(Come("a", "bob"), bob);
  EXPECT_EQ(pool_.pool.state().FindInvitation(HashOf("a"))->uses, 1);
  const auto other = pool_.Try(Join{HashOf("a"), "bob", Sha256("another")});
  EXPECT_THAT(other, FailsWith("ACCOUNT_NAME_TAKEN"));
  const auto same =
      pool_.Try(Join{HashOf("a"), "carol", pool_.Find(bob).token_hash});
  EXPECT_THAT(same, FailsWith("TOKEN_TAKEN"));
  EXPECT_EQ(pool_.pool.state().FindInvitation(HashOf("a"))->uses, 1)
      << "what is refused is not counted";
  EXPECT_EQ(pool_.Do(RevokeInvitation{made.key}),
            pool_.Do(RevokeInvitation{made.key}));
  EXPECT_THAT(pool_.Try(RevokeInvitation{{alice_, 2}}),
              FailsWith("INVITATION_UNKNOWN"));
}

TEST_F(InvitationsTest, AGroupHasFewAtATimeAndNumbersComeAgain) {
  Make(alice_, "of bob");
  const AccountId bob = Come("of bob", "bob");
  for (int64_t i = 0; i < limits::kInvitationsOpenMax; ++i) {
    pool_.Advance(absl::Seconds(1));
    Make(i % 2 == 0 ? alice_ : bob, absl::StrCat("code ", i));
  }
  EXPECT_THAT(TryInvite(alice_, "more"), FailsWith("INVITATION_QUOTA"));
  EXPECT_THAT(TryInvite(bob, "more"), FailsWith("INVITATION_QUOTA"));
  EXPECT_THAT(TryInvite(boss_, "his own"), IsOk());
  pool_.Do(RevokeInvitation{{bob, 1}});
  EXPECT_EQ(Make(alice_, "more").key.number,
            2 + limits::kInvitationsOpenMax / 2)
      << "one that was never used";
  pool_.Advance(absl::Hours(1));
  for (int64_t i = 0; i < limits::kInvitationsOpenMax; ++i) {
    Make(alice_, absl::StrCat("later ", i));
  }
  EXPECT_EQ(pool_.pool.state().FindInvitation(HashOf("of bob")), nullptr)
      << "its number has another code now";
  const auto& all = pool_.pool.state().invitations();
  for (const auto& [key, invitation] : all) {
    EXPECT_GE(key.number, 1);
    EXPECT_LE(key.number, limits::kInvitationsOpenMax);
  }
}

TEST_F(InvitationsTest, AGroupTakesOnlySoMany) {
  EXPECT_THAT(TryInvite(alice_, "all", limits::kInvitedPerGroupMax + 1),
              FailsWith("GROUP_FULL"));
  EXPECT_THAT(TryInvite(boss_, "all", limits::kInvitationUses.max), IsOk());
  Make(alice_, "a", limits::kInvitedPerGroupMax);
  int64_t count = 1;  // alice
  while (count < limits::kInvitedPerGroupMax) {
    Come("a", absl::StrCat("m", count++));
  }
  EXPECT_THAT(TryJoin("a", "last"), FailsWith("GROUP_FULL"));
  EXPECT_THAT(TryJoin("all", "last"), IsOk());
}

TEST_F(InvitationsTest, AClosedPoolTakesNobody) {
  TestPool closed;
  const AccountId miner = closed.Make("alice", Role::kMiner);
  EXPECT_THAT(
      closed.Try(Invite{
          .caller = miner, .term = absl::Hours(1), .code_hash = HashOf("a")}),
      FailsWith("REGISTRATION_CLOSED"));
  EXPECT_THAT(closed.Try(Join{HashOf("a"), "bob", Sha256("token")}),
              FailsWith("REGISTRATION_CLOSED"));
}

// As after a restart.
TEST_F(InvitationsTest, ALoadedPoolKnowsThem) {
  Make(alice_, "a", 2);
  Come("a", "bob");
  Pool loaded(pool_.policy, pool_.pool.state().Snapshot());
  EXPECT_EQ(loaded.state().invitations(), pool_.pool.state().invitations());
  const auto joined = loaded.Execute(
      Join{HashOf("a"), "carol", Sha256("carol's token")}, pool_.now);
  ASSERT_THAT(joined, IsOk());
  EXPECT_EQ(joined->group, pool_.Find(alice_).group);
}

}  // namespace
}  // namespace archpool
