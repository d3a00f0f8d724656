// SPDX-License-Identifier: Apache-2.0
// archpool account token, against a service that keeps what it is told.
#include <grpcpp/grpcpp.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "archpool/v1/token.grpc.pb.h"
#include "common/base/status.h"
#include "common/channel/program.h"
#include "common/crypto/token.h"
#include "common/wire/status_wire.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/service_cli_fixture.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FakeTokenService : public v1::TokenService::Service {
 public:
  grpc::Status CreateToken(grpc::ServerContext*,
                           const v1::CreateTokenRequest* request,
                           v1::CreateTokenResponse* response) override {
    created = *request;
    if (!refusal.ok()) return wire::ToGrpc(refusal);
    response->mutable_token()->set_name(request->name());
    response->mutable_token()->set_scope(request->scope());
    response->mutable_token()->set_is_in_force(true);
    return grpc::Status::OK;
  }
  grpc::Status ListTokens(grpc::ServerContext*, const v1::ListTokensRequest*,
                          v1::ListTokensResponse* response) override {
    for (int i = 1; i <= 3; ++i) {
      v1::Token& one = *response->add_tokens();
      one.set_number(i);
      one.set_name("one\x1b[2J");
      one.set_scope(v1::TOKEN_SCOPE_WORK);
      one.mutable_create_time()->set_seconds(1);
      one.set_is_in_force(i == 1);
      if (i == 2) one.mutable_revoke_time()->set_seconds(2);
      if (i == 3) one.mutable_expire_time()->set_seconds(3);
    }
    return grpc::Status::OK;
  }
  grpc::Status RotateToken(grpc::ServerContext*,
                           const v1::RotateTokenRequest* request,
                           v1::RotateTokenResponse* response) override {
    rotated = *request;
    if (!refusal.ok()) return wire::ToGrpc(refusal);
    response->mutable_token()->set_name(request->name());
    response->mutable_replaced()->set_name(request->replaced_name());
    return grpc::Status::OK;
  }
  grpc::Status RevokeToken(grpc::ServerContext*,
                           const v1::RevokeTokenRequest* request,
                           v1::RevokeTokenResponse* response) override {
    revoked = *request;
    if (!refusal.ok()) return wire::ToGrpc(refusal);
    response->mutable_token()->set_name(request->name());
    return grpc::Status::OK;
  }

  grpc::Status ReplaceOwnerTokens(
      grpc::ServerContext*, const v1::ReplaceOwnerTokensRequest* request,
      v1::ReplaceOwnerTokensResponse* response) override {
    replaced = *request;
    if (!refusal.ok()) return wire::ToGrpc(refusal);
    response->mutable_token()->set_name("owner");
    response->mutable_token()->set_scope(v1::TOKEN_SCOPE_OWNER);
    response->set_revoked_count(2);
    response->mutable_payout_address_time()->set_seconds(1'000'000'000);
    return grpc::Status::OK;
  }

  absl::Status refusal;
  v1::CreateTokenRequest created;
  v1::RotateTokenRequest rotated;
  v1::RevokeTokenRequest revoked;
  v1::ReplaceOwnerTokensRequest replaced;
};

class TokenCliTest : public ServiceCliTest<FakeTokenService> {
 protected:
  int Run(const std::vector<std::string>& words) {
    return RunBelow({"account", "token"}, words);
  }

  FakeTokenService& tokens_ = service_;
};

TEST_F(TokenCliTest, WritesTheTokenOfWhichThePoolHearsTheHash) {
  const std::string path = PathOf("w.token");
  ASSERT_EQ(Run({"create", "--name", "w", "--scope", "work", "--expires", "90d",
                 "--token-out", path}),
            kExitDone);
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const std::string token = FirstLine(path);
  EXPECT_EQ(tokens_.created.token_hash(), HashToken(token).AsBytes());
  EXPECT_EQ(tokens_.created.name(), "w");
  EXPECT_EQ(tokens_.created.scope(), v1::TOKEN_SCOPE_WORK);
  EXPECT_EQ(tokens_.created.term().seconds(), 90 * 24 * 3'600);
  EXPECT_THAT(out_, Not(HasSubstr(token)));
  EXPECT_THAT(out_, HasSubstr(path));
  EXPECT_EQ(
      Run({"create", "--name", "w", "--scope", "work", "--token-out", path}),
      kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("FILE_EXISTS"));
  EXPECT_EQ(FirstLine(path), token) << "the other one stays";
}

TEST_F(TokenCliTest, WhatIsRefusedLeavesNoFile) {
  tokens_.refusal = AlreadyExists("TOKEN_NAME_TAKEN", "there is one");
  const std::string path = PathOf("w.token");
  EXPECT_EQ(
      Run({"create", "--name", "w", "--scope", "read", "--token-out", path}),
      kExitRefused);
  EXPECT_FALSE(tokens_.created.has_term());
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(Run({"rotate", "w", "--token-out", path}), kExitRefused);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(TokenCliTest, ReplacesByTheNextName) {
  ASSERT_EQ(Run({"rotate", "w", "--token-out", PathOf("1")}), kExitDone);
  EXPECT_EQ(tokens_.rotated.replaced_name(), "w");
  EXPECT_EQ(tokens_.rotated.name(), "w-2");
  EXPECT_EQ(tokens_.rotated.overlap().seconds(), 24 * 3'600);
  EXPECT_EQ(tokens_.rotated.token_hash(),
            HashToken(FirstLine(PathOf("1"))).AsBytes());
  ASSERT_EQ(
      Run({"rotate", "w-2", "--overlap", "1h", "--token-out", PathOf("2")}),
      kExitDone);
  EXPECT_EQ(tokens_.rotated.name(), "w-3");
  EXPECT_EQ(tokens_.rotated.overlap().seconds(), 3'600);
  ASSERT_EQ(Run({"rotate", "desk-x", "--token-out", PathOf("3")}), kExitDone);
  EXPECT_EQ(tokens_.rotated.name(), "desk-x-2");
  ASSERT_EQ(Run({"rotate", "w", "--name", "new", "--token-out", PathOf("4")}),
            kExitDone);
  EXPECT_EQ(tokens_.rotated.name(), "new");
}

TEST_F(TokenCliTest, ListsAndRevokes) {
  ASSERT_EQ(Run({"list"}), kExitDone);
  for (const char* word : {"work", "in force", "revoked", "expired", "never"}) {
    EXPECT_THAT(out_, HasSubstr(word));
  }
  EXPECT_THAT(out_, Not(HasSubstr("\x1b[2J")));
  ASSERT_EQ(Run({"list", "--json"}), kExitDone);
  EXPECT_EQ(Json::parse(out_).size(), 3u);
  ASSERT_EQ(Run({"revoke", "w"}), kExitDone);
  EXPECT_EQ(tokens_.revoked.name(), "w");
  tokens_.refusal = FailedPrecondition("LAST_OWNER_TOKEN", "keep it");
  EXPECT_EQ(Run({"revoke", "first"}), kExitRefused);
  EXPECT_THAT(err_, HasSubstr("LAST_OWNER_TOKEN"));
}

TEST_F(TokenCliTest, WrongFlagsAreSaid) {
  for (const char* expires : {"0d", "3661d", "30s", "d", "soon"}) {
    EXPECT_EQ(Run({"create", "--name", "w", "--scope", "work", "--expires",
                   expires, "--token-out", PathOf("w")}),
              kExitBadInput)
        << expires;
    EXPECT_THAT(err_, HasSubstr("--expires")) << expires;
  }
  EXPECT_EQ(Run({"create", "--name", "w", "--scope", "all", "--token-out",
                 PathOf("w")}),
            kExitBadInput);
  EXPECT_EQ(Run({"create", "--name", "w", "--scope", "work"}), kExitBadInput);
  EXPECT_EQ(
      Run({"rotate", "w", "--overlap", "91d", "--token-out", PathOf("w")}),
      kExitBadInput);
  EXPECT_EQ(tokens_.created.name(), "") << "nothing was asked";
  EXPECT_FALSE(std::filesystem::exists(PathOf("w")));
}

TEST_F(TokenCliTest, AnOperatorReplacesAnOwnersTokens) {
  const std::string path = PathOf("alice-new.token");
  ASSERT_EQ(Run({"replace-owner", "alice", "--token-out", path}), kExitDone);
  const std::string token = FirstLine(path);
  EXPECT_EQ(tokens_.replaced.account_name(), "alice");
  EXPECT_EQ(tokens_.replaced.token_hash(), HashToken(token).AsBytes());
  EXPECT_THAT(out_, Not(HasSubstr(token)));
  EXPECT_THAT(out_, HasSubstr("2 of the owner's tokens of alice are over"));
  EXPECT_THAT(out_, HasSubstr("2001-09-09"));
  EXPECT_THAT(out_, HasSubstr(path));
  // Refused, nothing is left of it.
  tokens_.refusal = FailedPrecondition("OPERATORS_TOKENS_STAY", "an operator");
  const std::string other = PathOf("boss-new.token");
  EXPECT_EQ(Run({"replace-owner", "boss", "--token-out", other}), kExitRefused);
  EXPECT_THAT(err_, HasSubstr("OPERATORS_TOKENS_STAY"));
  EXPECT_FALSE(std::filesystem::exists(other));
}

}  // namespace
}  // namespace archpool
