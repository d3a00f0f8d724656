// SPDX-License-Identifier: Apache-2.0
// archpool invite and account join, against a service that keeps what it is
// told.
#include <grpcpp/grpcpp.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "archpool/v1/invitation.grpc.pb.h"
#include "client/invite_code.h"
#include "common/base/status.h"
#include "common/channel/program.h"
#include "common/crypto/token.h"
#include "common/wire/status_wire.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/service_cli_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class FakeInvitationService : public v1::InvitationService::Service {
 public:
  grpc::Status CreateInvitation(
      grpc::ServerContext*, const v1::CreateInvitationRequest* request,
      v1::CreateInvitationResponse* response) override {
    asked = *request;
    if (!refusal.ok()) return wire::ToGrpc(refusal);
    v1::Invitation& made = *response->mutable_invitation();
    made.set_number(3);
    made.set_role(request->role());
    made.set_uses_max(request->uses_max());
    made.set_is_open(true);
    return grpc::Status::OK;
  }
  grpc::Status ListInvitations(grpc::ServerContext*,
                               const v1::ListInvitationsRequest*,
                               v1::ListInvitationsResponse* response) override {
    for (int i = 1; i <= 3; ++i) {
      v1::Invitation& one = *response->add_invitations();
      one.set_number(i);
      one.set_account_name("alice\x1b[2J");
      one.set_role(v1::ROLE_MINER);
      one.set_uses_max(2);
      one.set_uses(i == 2 ? 2 : 0);
      one.set_is_open(i == 1);
    }
    return grpc::Status::OK;
  }
  grpc::Status RevokeInvitation(
      grpc::ServerContext*, const v1::RevokeInvitationRequest* request,
      v1::RevokeInvitationResponse* response) override {
    revoked = *request;
    response->mutable_invitation()->set_number(request->number());
    return grpc::Status::OK;
  }
  grpc::Status Join(grpc::ServerContext* context,
                    const v1::JoinRequest* request,
                    v1::JoinResponse* response) override {
    joined = *request;
    join_had_token = context->client_metadata().count("authorization") > 0;
    if (!refusal.ok()) return wire::ToGrpc(refusal);
    response->mutable_account()->set_name(request->name());
    response->mutable_account()->set_role(v1::ROLE_MINER);
    return grpc::Status::OK;
  }

  absl::Status refusal;
  v1::CreateInvitationRequest asked;
  v1::RevokeInvitationRequest revoked;
  v1::JoinRequest joined;
  bool join_had_token = false;
};

class InviteCliTest : public ServiceCliTest<FakeInvitationService> {
 protected:
  FakeInvitationService& invitations_ = service_;
};

TEST_F(InviteCliTest, ShowsTheCodeOfWhichThePoolHearsTheHash) {
  ASSERT_EQ(Run({"invite", "--uses", "2", "--expires", "12h", "--role",
                 "client", "--json"}),
            kExitDone);
  const Json json = Json::parse(out_);
  const std::string code = json["code"];
  EXPECT_THAT(code, StartsWith("inv_"));
  EXPECT_EQ(code.size(), 36u);
  EXPECT_EQ(invitations_.asked.code_hash(), HashToken(code).AsBytes());
  EXPECT_EQ(invitations_.asked.role(), v1::ROLE_CLIENT);
  EXPECT_EQ(invitations_.asked.uses_max(), 2);
  EXPECT_EQ(invitations_.asked.term().seconds(), 12 * 3'600);
  EXPECT_EQ(json["number"], 3);

  ASSERT_EQ(Run({"invite"}), kExitDone);
  EXPECT_EQ(invitations_.asked.role(), v1::ROLE_MINER);
  EXPECT_EQ(invitations_.asked.uses_max(), 1);
  EXPECT_EQ(invitations_.asked.term().seconds(), 7 * 24 * 3'600);
  EXPECT_THAT(out_, HasSubstr("shown this once:\ninv_"));
  EXPECT_THAT(out_, Not(HasSubstr(code))) << "another each time";
}

// What is passed on, and what the pool knows of it.
TEST(InviteCodeTest, ACodeCarriesThePin) {
  const Pin pin{Sha256("a key")};
  const InviteCode code{.code = "inv_1", .server_pin = pin};
  EXPECT_EQ(code.ToString(), "inv_1." + pin.ToString().substr(7));
  const auto read = InviteCode::Parse(code.ToString());
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->code, "inv_1");
  EXPECT_EQ(read->server_pin, pin);
  const auto plain = InviteCode::Parse("inv_1");
  ASSERT_THAT(plain, IsOk());
  EXPECT_EQ(plain->code, "inv_1");
  EXPECT_EQ(plain->server_pin, std::nullopt);
  EXPECT_EQ(plain->ToString(), "inv_1");
  const std::string whole = code.ToString();
  for (const std::string& damaged :
       {std::string("inv_1."), whole.substr(0, whole.size() - 1), whole + "x",
        whole + ".x"}) {
    EXPECT_THAT(InviteCode::Parse(damaged), FailsWith("CODE_MALFORMED"))
        << damaged;
  }
}

TEST_F(InviteCliTest, WritesTheCodeForItsOwnerAlone) {
  const std::string path = PathOf("code");
  ASSERT_EQ(Run({"invite", "--code-out", path}), kExitDone);
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const std::string code = FirstLine(path);
  EXPECT_EQ(invitations_.asked.code_hash(), HashToken(code).AsBytes());
  EXPECT_THAT(out_, Not(HasSubstr(code)));
  EXPECT_EQ(Run({"invite", "--code-out", path}), kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("FILE_EXISTS"));
  invitations_.refusal = FailedPrecondition("REGISTRATION_CLOSED", "closed");
  EXPECT_EQ(Run({"invite", "--code-out", PathOf("other")}), 3);
  EXPECT_FALSE(std::filesystem::exists(PathOf("other")));
}

TEST_F(InviteCliTest, WrongFlagsAreSaid) {
  for (const char* expires : {"0d", "91d", "30s", "d", "1w", "99999d"}) {
    EXPECT_EQ(Run({"invite", "--expires", expires}), kExitBadInput) << expires;
    EXPECT_THAT(err_, HasSubstr("--expires")) << expires;
  }
  EXPECT_EQ(Run({"invite", "--role", "operator"}), kExitBadInput);
  EXPECT_EQ(Run({"invite", "--uses", "0"}), kExitBadInput);
  EXPECT_EQ(Run({"invite", "revoke"}), kExitBadInput);
  EXPECT_EQ(Run({"invite", "revoke", "17"}), kExitBadInput);
  EXPECT_EQ(invitations_.asked.uses_max(), 0) << "nothing was asked";
}

TEST_F(InviteCliTest, ListsAndRevokes) {
  ASSERT_EQ(Run({"invite", "list"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("open"));
  EXPECT_THAT(out_, HasSubstr("used up"));
  EXPECT_THAT(out_, HasSubstr("2 of 2"));
  EXPECT_THAT(out_, Not(HasSubstr("\x1b[2J")));
  ASSERT_EQ(Run({"invite", "list", "--json"}), kExitDone);
  EXPECT_EQ(Json::parse(out_).size(), 3u);
  ASSERT_EQ(Run({"invite", "revoke", "2", "--account", "bob"}), kExitDone);
  EXPECT_EQ(invitations_.revoked.number(), 2);
  EXPECT_EQ(invitations_.revoked.account_name(), "bob");
  EXPECT_EQ(invitations_.asked.uses_max(), 0) << "no invitation was made";
}

TEST_F(InviteCliTest, JoinsWithoutATokenAndKeepsItsOwnFirst) {
  const std::string path = PathOf("bob.token");
  ASSERT_EQ(Run({"account", "join", "--code", "inv_1", "--name", "bob",
                 "--token-out", path},
                /*has_token=*/false),
            kExitDone);
  EXPECT_EQ(invitations_.joined.code(), "inv_1");
  EXPECT_EQ(invitations_.joined.token_hash(),
            HashToken(FirstLine(path)).AsBytes());
  EXPECT_FALSE(invitations_.join_had_token);
  EXPECT_THAT(out_, HasSubstr("Account bob (miner) is made."));

  std::ofstream(PathOf("code")) << "inv_2\n";
  invitations_.refusal = PermissionDenied("INVITATION_INVALID", "no");
  const std::string other = PathOf("other.token");
  EXPECT_EQ(Run({"account", "join", "--code-file", PathOf("code"), "--name",
                 "bob", "--token-out", other},
                /*has_token=*/false),
            3);
  EXPECT_EQ(invitations_.joined.code(), "inv_2");
  EXPECT_FALSE(std::filesystem::exists(other)) << "nothing is left behind";
  EXPECT_EQ(Run({"account", "join", "--name", "bob", "--token-out", other},
                /*has_token=*/false),
            kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("CODE_UNSET"));
  EXPECT_EQ(Run({"account", "join", "--code", "inv_1", "--name", "bob"},
                /*has_token=*/false),
            kExitBadInput);
}

}  // namespace
}  // namespace archpool
