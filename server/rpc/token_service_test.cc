// SPDX-License-Identifier: Apache-2.0
// Tokens over real gRPC: what each reaches, and that nothing outlives its end.
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "archpool/v1/token.grpc.pb.h"
#include "common/base/countdown.h"
#include "common/crypto/token.h"
#include "common/wire/api_version.h"
#include "common/wire/fields.h"
#include "common/wire/status_wire.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using Stub = v1::TokenService::Stub;

std::string SecretOf(const std::string& name) {
  return absl::StrCat("ap_", name);
}

class TokenServiceTest : public ::testing::Test {
 protected:
  static v1::CreateTokenRequest Ask(const std::string& name,
                                    v1::TokenScope scope) {
    v1::CreateTokenRequest request;
    request.set_name(name);
    request.set_scope(scope);
    request.set_token_hash(HashToken(SecretOf(name)).AsBytes());
    return request;
  }
  static absl::StatusOr<v1::Token> Create(
      Party& caller, const v1::CreateTokenRequest& request) {
    Stub stub(caller.remote.channel());
    const auto made = caller.remote.Call(stub, &Stub::CreateToken, request);
    if (!made.ok()) return made.status();
    return made->token();
  }
  static absl::StatusOr<v1::ListTokensResponse> List(Party& caller) {
    Stub stub(caller.remote.channel());
    return caller.remote.Call(stub, &Stub::ListTokens, v1::ListTokensRequest());
  }
  static absl::StatusOr<v1::RotateTokenResponse> Rotate(
      Party& caller, const std::string& replaced, const std::string& name) {
    v1::RotateTokenRequest request;
    request.set_replaced_name(replaced);
    request.set_name(name);
    request.set_token_hash(HashToken(SecretOf(name)).AsBytes());
    Stub stub(caller.remote.channel());
    return caller.remote.Call(stub, &Stub::RotateToken, request);
  }
  static absl::Status Revoke(Party& caller, const std::string& name) {
    v1::RevokeTokenRequest request;
    request.set_name(name);
    Stub stub(caller.remote.channel());
    return caller.remote.Call(stub, &Stub::RevokeToken, request).status();
  }
  // The account, by the token of that name.
  std::unique_ptr<Party> By(const std::string& name) {
    return std::make_unique<Party>(fixture_.address(), SecretOf(name));
  }

  RpcFixture fixture_;
  std::unique_ptr<Party> alice_ = fixture_.Make("alice", v1::ROLE_MINER);
};

TEST_F(TokenServiceTest, ATokenReachesWhatItsScopeSays) {
  EXPECT_EQ(alice_->WhoAmI()->token().name(), "first");
  EXPECT_EQ(alice_->WhoAmI()->token().scope(), v1::TOKEN_SCOPE_OWNER);
  const auto made = Create(*alice_, Ask("w", v1::TOKEN_SCOPE_WORK));
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->number(), 2);
  EXPECT_TRUE(made->is_in_force());
  EXPECT_FALSE(made->has_expire_time());
  const auto worker = By("w");
  EXPECT_EQ(worker->WhoAmI()->account().name(), "alice");
  EXPECT_EQ(worker->WhoAmI()->token().name(), "w");
  EXPECT_THAT(worker->OpenSession("w1"), IsOk());
  EXPECT_THAT(Create(*worker, Ask("x", v1::TOKEN_SCOPE_WORK)),
              FailsWith("SCOPE_NOT_ALLOWED"));
  EXPECT_THAT(List(*worker), FailsWith("SCOPE_NOT_ALLOWED"));
  EXPECT_THAT(Revoke(*worker, "first"), FailsWith("SCOPE_NOT_ALLOWED"));
  EXPECT_THAT(worker->remote.Call(worker->payout,
                                  &v1::PayoutService::Stub::RequestPayout,
                                  v1::RequestPayoutRequest()),
              FailsWith("SCOPE_NOT_ALLOWED"));
  ASSERT_THAT(Create(*alice_, Ask("r", v1::TOKEN_SCOPE_READ)), IsOk());
  const auto reader = By("r");
  const auto listed = List(*reader);
  ASSERT_THAT(listed, IsOk());
  ASSERT_EQ(listed->tokens_size(), 3);
  EXPECT_EQ(listed->tokens(1).name(), "w");
  EXPECT_THAT(reader->OpenSession("w2"), FailsWith("SCOPE_NOT_ALLOWED"));
}

TEST_F(TokenServiceTest, ARequestIsReadBeforeItIsACommand) {
  v1::CreateTokenRequest request = Ask("w", v1::TOKEN_SCOPE_UNSPECIFIED);
  EXPECT_THAT(Create(*alice_, request), FailsWith("FIELD_REQUIRED"));
  request = Ask("Not A Name", v1::TOKEN_SCOPE_WORK);
  EXPECT_EQ(Create(*alice_, request).status().code(),
            absl::StatusCode::kInvalidArgument);
  request = Ask("w", v1::TOKEN_SCOPE_WORK);
  *request.mutable_term() = wire::ToProto(absl::Seconds(59));
  EXPECT_THAT(Create(*alice_, request), FailsWith("FIELD_RANGE"));
  request = Ask("w", v1::TOKEN_SCOPE_WORK);
  request.set_token_hash("short");
  EXPECT_THAT(Create(*alice_, request), FailsWith("FIELD_MALFORMED"));
}

TEST_F(TokenServiceTest, TheNextCallByARevokedTokenIsRefused) {
  ASSERT_THAT(Create(*alice_, Ask("w", v1::TOKEN_SCOPE_WORK)), IsOk());
  const auto worker = By("w");
  const auto session = worker->OpenSession("w1");
  ASSERT_THAT(session, IsOk());
  ASSERT_THAT(Revoke(*alice_, "w"), IsOk());
  EXPECT_THAT(worker->WhoAmI(), FailsWith("TOKEN_REVOKED"));
  EXPECT_THAT(worker->Heartbeat(*session, {}), FailsWith("TOKEN_REVOKED"));
  EXPECT_EQ(worker->WhoAmI().status().code(),
            absl::StatusCode::kUnauthenticated);
  // The session is the account's: another of its tokens goes on with it.
  EXPECT_THAT(alice_->Heartbeat(*session, {}), IsOk());
  // It stays revoked across a restart.
  fixture_.Restart();
  Party again(fixture_.address(), SecretOf("w"));
  EXPECT_THAT(again.WhoAmI(), FailsWith("TOKEN_REVOKED"));
  Party alice(fixture_.address(), alice_->token);
  EXPECT_THAT(alice.WhoAmI(), IsOk());
}

TEST_F(TokenServiceTest, ARevocationEndsALongPoll) {
  ASSERT_THAT(Create(*alice_, Ask("w", v1::TOKEN_SCOPE_WORK)), IsOk());
  const auto worker = By("w");
  const auto session = worker->OpenSession("w1");
  ASSERT_THAT(session, IsOk());
  absl::Status ended;
  const Stopwatch watch;
  {
    const std::jthread waiting([&] {
      ended = worker->AcquireLease(*session, absl::Seconds(15)).status();
    });
    absl::SleepFor(absl::Milliseconds(200));
    EXPECT_THAT(Revoke(*alice_, "w"), IsOk());
  }
  EXPECT_THAT(ended, FailsWith("TOKEN_REVOKED"));
  EXPECT_LT(watch.elapsed(), absl::Seconds(10));
}

TEST_F(TokenServiceTest, ARevocationEndsAWatch) {
  const auto carol = fixture_.Make("carol", v1::ROLE_CLIENT);
  const int64_t task = fixture_.SubmitTask(
      *carol, "carol", fixture_.Spec(fixture_.RegisterDataset(*carol)));
  ASSERT_THAT(Create(*carol, Ask("r", v1::TOKEN_SCOPE_READ)), IsOk());
  const auto reader = By("r");
  grpc::ClientContext context;
  reader->remote.Prepare(context, absl::Seconds(60));
  v1::WatchTaskRequest request;
  request.set_task_id(task);
  const auto stream = reader->task.WatchTask(&context, request);
  v1::WatchTaskResponse message;
  ASSERT_TRUE(stream->Read(&message));
  const Stopwatch watch;
  ASSERT_THAT(Revoke(*carol, "r"), IsOk());
  while (stream->Read(&message)) {
  }
  EXPECT_THAT(wire::FromGrpc(stream->Finish()), FailsWith("TOKEN_REVOKED"));
  // Sooner than it would have been sent again by itself.
  EXPECT_LT(watch.elapsed(), absl::Seconds(8));
}

TEST_F(TokenServiceTest, BothOfAReplacementWork) {
  ASSERT_THAT(Create(*alice_, Ask("w", v1::TOKEN_SCOPE_WORK)), IsOk());
  const auto rotated = Rotate(*alice_, "w", "w-2");
  ASSERT_THAT(rotated, IsOk());
  EXPECT_EQ(rotated->token().scope(), v1::TOKEN_SCOPE_WORK);
  const auto end =
      wire::ReadTime("expire_time", rotated->replaced().expire_time());
  ASSERT_THAT(end, IsOk());
  EXPECT_GT(*end, absl::Now() + absl::Hours(23));
  EXPECT_LT(*end, absl::Now() + absl::Hours(25));
  EXPECT_THAT(By("w")->WhoAmI(), IsOk());
  EXPECT_THAT(By("w-2")->WhoAmI(), IsOk());
  EXPECT_THAT(Rotate(*alice_, "w", "w-2"), IsOk()) << "asking again";
  EXPECT_EQ(List(*alice_)->tokens_size(), 3);
}

// The time that is left, by the pool's clock: the caller's may be wrong.
TEST_F(TokenServiceTest, WhoseTokenEndsSoonHearsSo) {
  const auto left = [](Party& party) {
    grpc::ClientContext context;
    party.remote.Prepare(context, absl::Seconds(20));
    v1::WhoAmIResponse response;
    EXPECT_TRUE(party.account.WhoAmI(&context, {}, &response).ok());
    const auto& metadata = context.GetServerTrailingMetadata();
    const auto found = metadata.find(wire::kTokenSecondsLeftKey);
    return found == metadata.end()
               ? std::string()
               : std::string(found->second.data(), found->second.size());
  };
  EXPECT_EQ(left(*alice_), "");
  v1::CreateTokenRequest request = Ask("w", v1::TOKEN_SCOPE_WORK);
  *request.mutable_term() = wire::ToProto(absl::Hours(100));
  ASSERT_THAT(Create(*alice_, request), IsOk());
  const std::string text = left(*By("w"));
  EXPECT_GT(std::stol(text), 99 * 3600);
  EXPECT_LE(std::stol(text), 100 * 3600);
  request = Ask("v", v1::TOKEN_SCOPE_WORK);
  *request.mutable_term() = wire::ToProto(absl::Hours(24 * 15));
  ASSERT_THAT(Create(*alice_, request), IsOk());
  EXPECT_EQ(left(*By("v")), "");
}

TEST_F(TokenServiceTest, AnAnswerThatIsLostLosesNothing) {
  fixture_.next_commit = Fault::kDoubtWritten;
  EXPECT_THAT(Create(*alice_, Ask("w", v1::TOKEN_SCOPE_WORK)),
              FailsWith("COMMIT_FAILED"));
  EXPECT_THAT(Create(*alice_, Ask("w", v1::TOKEN_SCOPE_WORK)), IsOk());
  EXPECT_EQ(List(*alice_)->tokens_size(), 2);
}

}  // namespace
}  // namespace archpool
