// SPDX-License-Identifier: Apache-2.0
#include "common/channel/token_holder.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/time/clock.h"
#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

class TokenHolderTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) { std::ofstream(path_) << text; }
  static void PassALook() { absl::SleepFor(absl::Milliseconds(1'100)); }

  const TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/token";
};

TEST_F(TokenHolderTest, TheFileIsReadAgainWhileTheProgramRuns) {
  Write("ap_one\n");
  TokenHolder holder(path_, "ap_one");
  EXPECT_EQ(holder.Current(), "ap_one");
  Write("ap_two\n");
  PassALook();
  EXPECT_EQ(holder.Current(), "ap_two");
  // A file that is half written, or away, costs nothing.
  Write("");
  PassALook();
  EXPECT_EQ(holder.Current(), "ap_two");
  std::filesystem::remove(path_);
  PassALook();
  EXPECT_EQ(holder.Current(), "ap_two");
}

TEST_F(TokenHolderTest, ARefusedTokenIsWaitedFor) {
  Write("ap_one\n");
  TokenHolder holder(path_, "ap_one");
  const auto refusal = [](const char* reason) {
    return MakeError(absl::StatusCode::kUnauthenticated, reason, "no more");
  };
  for (const char* reason : {"TOKEN_EXPIRED", "TOKEN_REVOKED"}) {
    const absl::Status heard = holder.Heard(refusal(reason));
    EXPECT_EQ(heard.code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(GetReason(heard), reason);
    EXPECT_EQ(heard.message(), "no more");
  }
  for (const absl::Status& other :
       {absl::OkStatus(), refusal("TOKEN_UNKNOWN"),
        PermissionDenied("TOKEN_EXPIRED", "of another code"),
        NotFound("SESSION_UNKNOWN", "no session")}) {
    EXPECT_EQ(holder.Heard(other), other);
  }
}

TEST_F(TokenHolderTest, WhatIsLeftMayBeAnything) {
  TokenHolder holder(path_, "ap_one");
  for (const char* text : {"", "x", "-1", "99999999999999999999", "60"}) {
    holder.HearLeft(text);
    holder.HearLate(text);
  }
  EXPECT_EQ(holder.Current(), "ap_one");
}

}  // namespace
}  // namespace archpool
