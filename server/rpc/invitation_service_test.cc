// SPDX-License-Identifier: Apache-2.0
// Invitations over real gRPC, and joins without a token.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "archpool/v1/invitation.grpc.pb.h"
#include "common/crypto/token.h"
#include "common/wire/fields.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using Stub = v1::InvitationService::Stub;

rpc::RpcOptions OpenToTheInvited() {
  rpc::RpcOptions options;
  options.policy.takes_invited = true;
  return options;
}

v1::CreateInvitationRequest Ask(const std::string& code) {
  v1::CreateInvitationRequest request;
  request.set_code_hash(HashToken(code).AsBytes());
  request.set_role(v1::ROLE_MINER);
  request.set_uses_max(1);
  *request.mutable_term() = wire::ToProto(absl::Hours(1));
  return request;
}

class InvitationServiceTest : public ::testing::Test {
 protected:
  static absl::StatusOr<v1::Invitation> Invite(
      Party& caller, const v1::CreateInvitationRequest& request) {
    Stub stub(caller.remote.channel());
    auto made = caller.remote.Call(stub, &Stub::CreateInvitation, request);
    if (!made.ok()) return made.status();
    return made->invitation();
  }
  static absl::StatusOr<v1::ListInvitationsResponse> List(
      Party& caller, int64_t page_size = 0, const std::string& token = "") {
    v1::ListInvitationsRequest request;
    request.set_page_size(page_size);
    request.set_page_token(token);
    Stub stub(caller.remote.channel());
    return caller.remote.Call(stub, &Stub::ListInvitations, request);
  }
  static absl::StatusOr<v1::RevokeInvitationResponse> Revoke(
      Party& caller, int64_t number, const std::string& account = "") {
    v1::RevokeInvitationRequest request;
    request.set_number(number);
    request.set_account_name(account);
    Stub stub(caller.remote.channel());
    return caller.remote.Call(stub, &Stub::RevokeInvitation, request);
  }
  // Without a token.
  absl::StatusOr<v1::Account> Join(const std::string& code,
                                   const std::string& name) {
    v1::JoinRequest request;
    request.set_code(code);
    request.set_name(name);
    request.set_token_hash(HashToken(absl::StrCat("ap_", name)).AsBytes());
    const Remote stranger(ServerSite::Plaintext(fixture_.address()), "");
    Stub stub(stranger.channel());
    auto made = stranger.Call(stub, &Stub::Join, request);
    if (!made.ok()) return made.status();
    return made->account();
  }

  RpcFixture fixture_{OpenToTheInvited()};
  std::unique_ptr<Party> alice_ = fixture_.Make("alice", v1::ROLE_MINER);
  std::unique_ptr<Party> carol_ = fixture_.Make("carol", v1::ROLE_CLIENT);
};

TEST_F(InvitationServiceTest, SomebodyWithACodeMakesAnAccount) {
  const auto made = Invite(*alice_, Ask("code"));
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->number(), 1);
  EXPECT_EQ(made->account_name(), "alice");
  EXPECT_TRUE(made->is_open());
  const auto bob = Join("code", "bob");
  ASSERT_THAT(bob, IsOk());
  EXPECT_EQ(bob->role(), v1::ROLE_MINER);
  EXPECT_EQ(bob->inviter_account_id(),
            alice_->WhoAmI()->account().account_id());
  EXPECT_FALSE(alice_->WhoAmI()->account().has_inviter_account_id());
  Party party(fixture_.address(), "ap_bob");
  EXPECT_EQ(party.WhoAmI()->account().name(), "bob");
  EXPECT_THAT(Join("code", "dave"), FailsWith("INVITATION_INVALID"));
  EXPECT_EQ(Join("code", "bob")->account_id(), bob->account_id())
      << "asking again";
  const auto listed = List(*alice_);
  ASSERT_THAT(listed, IsOk());
  ASSERT_EQ(listed->invitations_size(), 1);
  EXPECT_EQ(listed->invitations(0).uses(), 1);
  EXPECT_FALSE(listed->invitations(0).is_open());
}

TEST_F(InvitationServiceTest, AnAnswerThatIsLostLosesNothing) {
  ASSERT_THAT(Invite(*alice_, Ask("code")), IsOk());
  fixture_.next_commit = Fault::kDoubtWritten;
  EXPECT_THAT(Join("code", "bob"), FailsWith("COMMIT_FAILED"));
  EXPECT_THAT(Join("code", "bob"), IsOk());
  EXPECT_EQ(List(*alice_)->invitations(0).uses(), 1);
  fixture_.Restart();
  Party alice(fixture_.address(), alice_->token);
  const auto listed = List(alice);
  ASSERT_THAT(listed, IsOk());
  ASSERT_EQ(listed->invitations_size(), 1);
  EXPECT_EQ(listed->invitations(0).uses(), 1);
}

TEST_F(InvitationServiceTest, EverybodySeesAndRevokesItsOwn) {
  Party& boss = fixture_.operator_party();
  ASSERT_THAT(Invite(*alice_, Ask("a1")), IsOk());
  ASSERT_THAT(Invite(*alice_, Ask("a2")), IsOk());
  v1::CreateInvitationRequest for_client = Ask("c1");
  for_client.set_role(v1::ROLE_CLIENT);
  ASSERT_THAT(Invite(*carol_, for_client), IsOk());
  EXPECT_EQ(List(*alice_)->invitations_size(), 2);
  const auto of_carol = List(*carol_);
  ASSERT_EQ(of_carol->invitations_size(), 1);
  EXPECT_EQ(of_carol->invitations(0).account_name(), "carol");

  const auto first = List(boss, 2);
  ASSERT_EQ(first->invitations_size(), 2);
  EXPECT_EQ(first->invitations(1).number(), 2);
  const auto second = List(boss, 2, first->next_page_token());
  ASSERT_EQ(second->invitations_size(), 1);
  EXPECT_EQ(second->invitations(0).role(), v1::ROLE_CLIENT);
  EXPECT_EQ(second->next_page_token(), "");
  EXPECT_THAT(List(*alice_, 1, first->next_page_token()),
              FailsWith("PAGE_TOKEN_MALFORMED"))
      << "a page of another's list";

  EXPECT_THAT(Revoke(*alice_, 1, "carol"), FailsWith("INVITATION_UNKNOWN"));
  EXPECT_THAT(Revoke(*alice_, 3), FailsWith("INVITATION_UNKNOWN"));
  EXPECT_THAT(Revoke(*alice_, 0), FailsWith("FIELD_RANGE"));
  EXPECT_FALSE(Revoke(*alice_, 1, "alice")->invitation().is_open());
  EXPECT_FALSE(Revoke(boss, 1, "carol")->invitation().is_open());
  EXPECT_THAT(Join("a1", "bob"), FailsWith("INVITATION_INVALID"));
  EXPECT_THAT(Join("c1", "bob"), FailsWith("INVITATION_INVALID"));
  EXPECT_THAT(Join("a2", "bob"), IsOk());
}

TEST_F(InvitationServiceTest, BadRequestsAreRefusedByField) {
  v1::CreateInvitationRequest request = Ask("code");
  request.set_role(v1::ROLE_OPERATOR);
  EXPECT_THAT(Invite(*alice_, request), FailsWith("FIELD_RANGE"));
  request = Ask("code");
  request.set_uses_max(1'001);
  EXPECT_THAT(Invite(*alice_, request), FailsWith("FIELD_RANGE"));
  request = Ask("code");
  *request.mutable_term() = wire::ToProto(absl::Hours(91 * 24));
  EXPECT_THAT(Invite(*alice_, request), FailsWith("FIELD_RANGE"));
  request.clear_term();
  EXPECT_THAT(Invite(*alice_, request), FailsWith("FIELD_REQUIRED"));
  EXPECT_THAT(Join("", "bob"), FailsWith("FIELD_REQUIRED"));
  const std::string secret(101, 's');
  const auto too_long = Join(secret, "bob");
  EXPECT_THAT(too_long, FailsWith("FIELD_MALFORMED"));
  EXPECT_EQ(too_long.status().message().find("ss"), std::string::npos)
      << "a code does not come back";
  EXPECT_THAT(Join("code", "No Name"), FailsWith("FIELD_MALFORMED"));
}

// Whoever guesses is stopped, and nobody who is known.
TEST_F(InvitationServiceTest, StrangersTryOnlySoOften) {
  ASSERT_THAT(Invite(*alice_, Ask("code")), IsOk());
  int tries = 0;
  absl::Status last;
  do {
    last = Join(absl::StrCat("guess ", tries), "eve").status();
  } while (GetReason(last) == "INVITATION_INVALID" && ++tries < 100);
  EXPECT_THAT(last, FailsWith("JOINS_TOO_OFTEN"));
  EXPECT_GE(tries, 10);
  EXPECT_LT(tries, 20);
  EXPECT_THAT(Join("code", "bob"), FailsWith("JOINS_TOO_OFTEN"))
      << "a code that is right tells nothing then";
  EXPECT_THAT(alice_->WhoAmI(), IsOk());
}

TEST(ClosedRegistrationTest, EveryCodeHasOneAnswer) {
  RpcFixture fixture;
  const auto alice = fixture.Make("alice", v1::ROLE_MINER);
  Stub stub(alice->remote.channel());
  EXPECT_THAT(alice->remote.Call(stub, &Stub::CreateInvitation, Ask("code")),
              FailsWith("REGISTRATION_CLOSED"));
  v1::JoinRequest request;
  request.set_code("code");
  request.set_name("alice");
  request.set_token_hash(HashToken("ap_x").AsBytes());
  EXPECT_THAT(alice->remote.Call(stub, &Stub::Join, request),
              FailsWith("REGISTRATION_CLOSED"));
}

}  // namespace
}  // namespace archpool
