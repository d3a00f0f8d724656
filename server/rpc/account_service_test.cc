// SPDX-License-Identifier: Apache-2.0
// Accounts over real gRPC.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/crypto/token.h"
#include "common/wire/api_version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

class AccountServiceTest : public ::testing::Test {
 protected:
  RpcFixture fixture_;
  std::unique_ptr<Party> client_ = fixture_.Make("carol", v1::ROLE_CLIENT);
  std::unique_ptr<Party> miner_ = fixture_.Make("alice", v1::ROLE_MINER);
};

TEST_F(AccountServiceTest, AccountsAreMadeOnceAndSuspendedByHand) {
  Party& boss = fixture_.operator_party();
  v1::CreateAccountRequest create;
  create.set_name("alice");
  create.set_role(v1::ROLE_MINER);
  EXPECT_THAT(boss.CreateAccount(create), FailsWith("ACCOUNT_NAME_TAKEN"));
  create.set_name("No Name");
  EXPECT_THAT(boss.CreateAccount(create), FailsWith("FIELD_MALFORMED"));
  create.set_name("eve");
  create.clear_role();
  EXPECT_THAT(boss.CreateAccount(create), FailsWith("FIELD_REQUIRED"));

  fixture_.SubmitTask(*client_, "carol",
                      fixture_.Spec(fixture_.RegisterDataset(*client_)));
  v1::SuspendAccountRequest suspend;
  suspend.set_account_name("alice");
  for (int i = 0; i < 2; ++i) {  // idempotent
    ASSERT_THAT(
        boss.remote.Call(boss.account,
                         &v1::AccountService::Stub::SuspendAccount, suspend),
        IsOk());
  }
  EXPECT_EQ(miner_->WhoAmI()->account().state(), v1::Account::STATE_SUSPENDED);
  const int64_t session = *miner_->OpenSession("w1");
  EXPECT_THAT(miner_->AcquireLease(session, absl::Seconds(5)),
              FailsWith("ACCOUNT_SUSPENDED"));
  v1::ReinstateAccountRequest lift;
  lift.set_account_name("alice");
  ASSERT_THAT(
      boss.remote.Call(boss.account,
                       &v1::AccountService::Stub::ReinstateAccount, lift),
      IsOk());
  EXPECT_EQ(miner_->WhoAmI()->account().state(), v1::Account::STATE_ACTIVE);
  lift.set_account_name("nobody");
  EXPECT_THAT(
      boss.remote.Call(boss.account,
                       &v1::AccountService::Stub::ReinstateAccount, lift),
      FailsWith("ACCOUNT_UNKNOWN"));
}

// Whoever brings the hash of a token of its own may ask again when the answer
// was lost, and nobody gets an account with somebody else's token.
TEST_F(AccountServiceTest, AnAccountIsMadeForATokenOfTheCallers) {
  Party& boss = fixture_.operator_party();
  v1::CreateAccountRequest create;
  create.set_name("eve");
  create.set_role(v1::ROLE_MINER);
  create.set_token_hash(HashToken("ap_eve").AsBytes());
  fixture_.next_commit = Fault::kDoubtWritten;
  EXPECT_THAT(boss.CreateAccount(create), FailsWith("COMMIT_FAILED"));
  const auto made = boss.CreateAccount(create);
  ASSERT_THAT(made, IsOk());
  EXPECT_EQ(made->token(), "");
  EXPECT_EQ(boss.CreateAccount(create)->account().account_id(),
            made->account().account_id());
  create.set_role(v1::ROLE_CLIENT);
  EXPECT_THAT(boss.CreateAccount(create), FailsWith("ACCOUNT_NAME_TAKEN"));
  create.set_name("mallory");
  EXPECT_THAT(boss.CreateAccount(create), FailsWith("TOKEN_TAKEN"));
  create.set_token_hash("short");
  EXPECT_FALSE(boss.CreateAccount(create).ok());
}

TEST_F(AccountServiceTest, OperatorsPutAccountsIntoGroups) {
  Party& boss = fixture_.operator_party();
  const auto set = [&](Party& caller, const std::string& group) {
    v1::SetQuotasRequest request;
    request.set_account_name("alice");
    request.set_group(group);
    return caller.remote.Call(caller.account,
                              &v1::AccountService::Stub::SetQuotas, request);
  };
  EXPECT_THAT(set(*miner_, "smith"), FailsWith("ROLE_NOT_ALLOWED"));
  EXPECT_THAT(set(boss, "No Name"), FailsWith("FIELD_MALFORMED"));
  ASSERT_THAT(set(boss, "smith"), IsOk());
  const auto shown = miner_->remote.Call(
      miner_->account, &v1::AccountService::Stub::GetQuotas, {});
  ASSERT_THAT(shown, IsOk());
  EXPECT_EQ(shown->quotas().group(), "smith");
  const auto alone = set(boss, "");
  ASSERT_THAT(alone, IsOk());
  EXPECT_FALSE(alone->quotas().has_group());
}

TEST_F(AccountServiceTest, WhoAmISaysTheServersVersion) {
  EXPECT_EQ(miner_->WhoAmI()->server_version(), wire::kOwnVersion);
}

}  // namespace
}  // namespace archpool
