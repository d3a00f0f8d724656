// SPDX-License-Identifier: Apache-2.0
// The pace of answers over real gRPC.
#include "server/rpc/answer_pace.h"

#include <memory>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "common/base/countdown.h"
#include "common/wire/api_version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

constexpr absl::Duration kDelay = absl::Milliseconds(300);

// One call that comes to nothing costs more than a test lasts, and twenty
// others are answered at once.
rpc::RpcOptions Strict() {
  rpc::RpcOptions options;
  options.call_pace.rate_per_s = 1;
  options.call_pace.burst = absl::Seconds(20);
  options.call_pace.nothing_cost = 3'600;
  options.call_pace.debt_max = absl::Hours(24);
  options.call_pace.delay_max = kDelay;
  return options;
}

class AnswerPaceTest : public ::testing::Test {
 protected:
  // How late the answer to a call of the party's says that it came; "" where
  // it says nothing.
  static std::string LateOf(Party& party) {
    grpc::ClientContext context;
    party.remote.Prepare(context, absl::Seconds(20));
    v1::WhoAmIResponse response;
    party.account.WhoAmI(&context, {}, &response);
    const auto& metadata = context.GetServerTrailingMetadata();
    const auto found = metadata.find(wire::kAnswerLateKey);
    return found == metadata.end()
               ? std::string()
               : std::string(found->second.data(), found->second.size());
  }

  RpcFixture fixture_{Strict()};
  std::unique_ptr<Party> alice_ = fixture_.Make("alice", v1::ROLE_MINER);
  std::unique_ptr<Party> bob_ = fixture_.Make("bob", v1::ROLE_MINER);
};

TEST_F(AnswerPaceTest, WhoIsRefusedInALoopIsAnsweredLate) {
  const Countdown least(4 * kDelay);
  for (int i = 0; i < 4; ++i) {
    EXPECT_THAT(alice_->AcquireLease(12345, absl::ZeroDuration()),
                FailsWith("SESSION_UNKNOWN"));
  }
  EXPECT_TRUE(least.IsOver());
  EXPECT_NE(LateOf(*alice_), "");
  EXPECT_EQ(LateOf(*bob_), "");
}

TEST_F(AnswerPaceTest, WhoIsUnknownIsNobodysDebt) {
  Party stranger(fixture_.address(), "ap_nobody");
  const Countdown least(4 * kDelay);
  for (int i = 0; i < 4; ++i) {
    EXPECT_THAT(stranger.WhoAmI(), FailsWith("TOKEN_UNKNOWN"));
  }
  EXPECT_TRUE(least.IsOver());
  EXPECT_EQ(LateOf(*alice_), "");
}

// Whose token is in force is no stranger, whatever it may not do.
TEST_F(AnswerPaceTest, WhatIsRefusedAtTheGateIsTheAccountsDebt) {
  EXPECT_THAT(alice_->CreateAccount({}), FailsWith("ROLE_NOT_ALLOWED"));
  EXPECT_NE(LateOf(*alice_), "");
  EXPECT_EQ(LateOf(*bob_), "");
}

TEST_F(AnswerPaceTest, WhatThePoolFailsAtCostsNothingMore) {
  for (int i = 0; i < 5; ++i) {
    fixture_.next_commit = Fault::kUnreachable;
    EXPECT_THAT(alice_->OpenSession("w"), FailsWith("COMMIT_FAILED"));
  }
  EXPECT_EQ(LateOf(*alice_), "");
}

TEST_F(AnswerPaceTest, AStopWaitsForNoAnswer) {
  absl::Notification waits;
  rpc::RpcOptions options = Strict();
  options.call_pace.delay_max = absl::Seconds(60);
  options.on_late_answer = [&waits] { waits.Notify(); };
  RpcFixture slow(options);
  const auto carol = slow.Make("carol", v1::ROLE_MINER);
  std::jthread caller([&] {
    EXPECT_THAT(carol->AcquireLease(12345, absl::ZeroDuration()),
                FailsWith("SESSION_UNKNOWN"));
  });
  waits.WaitForNotification();
  slow.server->Stop();
  caller.join();
}

TEST(CameToNothingTest, TellsTheCallersDoingFromThePools) {
  using absl::StatusCode;
  for (const StatusCode code :
       {StatusCode::kOk, StatusCode::kUnavailable, StatusCode::kInternal,
        StatusCode::kUnknown, StatusCode::kDeadlineExceeded,
        StatusCode::kCancelled, StatusCode::kAborted, StatusCode::kDataLoss}) {
    EXPECT_FALSE(rpc::CameToNothing(absl::Status(code, "")));
  }
  for (const StatusCode code :
       {StatusCode::kInvalidArgument, StatusCode::kNotFound,
        StatusCode::kAlreadyExists, StatusCode::kPermissionDenied,
        StatusCode::kUnauthenticated, StatusCode::kFailedPrecondition,
        StatusCode::kOutOfRange, StatusCode::kResourceExhausted,
        StatusCode::kUnimplemented}) {
    EXPECT_TRUE(rpc::CameToNothing(absl::Status(code, "")));
  }
}

}  // namespace
}  // namespace archpool
