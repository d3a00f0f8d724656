// SPDX-License-Identifier: Apache-2.0
// Maintenance, and what clients see of others, over real gRPC.
#include <future>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kNoWait = absl::ZeroDuration();
constexpr absl::Duration kLongWait = absl::Seconds(20);

class PoolServiceTest : public ::testing::Test {
 protected:
  PoolServiceTest()
      : client_(fixture_.Make("carol", v1::ROLE_CLIENT)),
        miner_(fixture_.Make("alice", v1::ROLE_MINER)),
        verifier_(fixture_.Make("victor", v1::ROLE_VERIFIER)),
        dataset_(fixture_.RegisterDataset(*client_)) {}

  int64_t SubmitTask() {
    return fixture_.SubmitTask(*client_, "carol", fixture_.Spec(dataset_));
  }
  static absl::StatusOr<v1::Maintenance> SetMaintenance(Party& party,
                                                        bool is_on) {
    using Stub = v1::PoolService::Stub;
    if (is_on) {
      const auto begun =
          party.remote.Call(party.pool, &Stub::BeginMaintenance, {});
      if (!begun.ok()) return begun.status();
      return begun->maintenance();
    }
    const auto ended = party.remote.Call(party.pool, &Stub::EndMaintenance, {});
    if (!ended.ok()) return ended.status();
    return ended->maintenance();
  }
  static v1::Maintenance Maintenance(Party& party) {
    const auto response = party.remote.Call(
        party.pool, &v1::PoolService::Stub::GetMaintenance, {});
    EXPECT_THAT(response, IsOk());
    return response.ok() ? response->maintenance() : v1::Maintenance();
  }
  static void SetVisibility(Party& party, bool is_public) {
    v1::SetVisibilityRequest request;
    request.set_is_public(is_public);
    const auto response = party.remote.Call(
        party.account, &v1::AccountService::Stub::SetVisibility, request);
    ASSERT_THAT(response, IsOk());
    EXPECT_EQ(response->account().is_public(), is_public);
  }
  // The parties of before speak to nobody any more.
  void Restart() {
    fixture_.Restart();
    for (std::unique_ptr<Party>* party : {&client_, &miner_, &verifier_}) {
      *party = std::make_unique<Party>(fixture_.address(), (*party)->token);
    }
  }
  static auto Workers(Party& party) {
    const auto response =
        party.remote.Call(party.pool, &v1::PoolService::Stub::ListWorkers, {});
    EXPECT_THAT(response, IsOk());
    return response->workers();
  }
  static std::string AccountSeenBy(Party& party, int64_t task) {
    v1::ListTrialsRequest request;
    request.set_task_id(task);
    const auto trials = party.remote.Call(
        party.task, &v1::TaskService::Stub::ListTrials, request);
    EXPECT_THAT(trials, IsOk());
    const auto leases =
        party.remote.Call(party.task, &v1::TaskService::Stub::ListLeases, {});
    EXPECT_THAT(leases, IsOk());
    EXPECT_EQ(trials->trials(0).account_name(),
              leases->leases(0).account_name());
    return trials->trials(0).account_name();
  }

  RpcFixture fixture_;
  std::unique_ptr<Party> client_;
  std::unique_ptr<Party> miner_;
  std::unique_ptr<Party> verifier_;
  std::string dataset_;
};

// What a message inflates to is not bounded by what came, and it would inflate
// before anybody sees a token.
TEST_F(PoolServiceTest, WhatIsCompressedIsNotRead) {
  v1::CreateAccountRequest request;
  request.set_name(std::string(1 << 20, 'a'));
  for (const grpc_compression_algorithm algorithm :
       {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    grpc::ClientContext context;
    context.set_compression_algorithm(algorithm);
    v1::CreateAccountResponse response;
    const grpc::Status status =
        client_->account.CreateAccount(&context, request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED)
        << status.error_message();
  }
}

TEST_F(PoolServiceTest, MaintenanceLastsUntilItIsEndedAndWakesWhoWaits) {
  EXPECT_FALSE(Maintenance(*miner_).is_on());
  EXPECT_THAT(SetMaintenance(*miner_, true), FailsWith("ROLE_NOT_ALLOWED"));
  const auto begun = SetMaintenance(fixture_.operator_party(), true);
  ASSERT_THAT(begun, IsOk());
  EXPECT_TRUE(begun->is_on());
  const auto again = SetMaintenance(fixture_.operator_party(), true);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->SerializeAsString(), begun->SerializeAsString())
      << "it goes on since then";

  SubmitTask();
  Restart();
  EXPECT_TRUE(Maintenance(*client_).is_on());
  EXPECT_EQ(Maintenance(*client_).SerializeAsString(),
            begun->SerializeAsString());
  const int64_t session = *miner_->OpenSession("w1");
  const auto idle = miner_->AcquireLease(session, kNoWait);
  ASSERT_THAT(idle, IsOk());
  EXPECT_EQ(idle->idle_reason(), "MAINTENANCE");
  auto waiting = std::async(std::launch::async, [&] {
    return miner_->AcquireLease(session, kLongWait);
  });
  const absl::Time start = absl::Now();
  absl::SleepFor(absl::Milliseconds(200));
  const auto ended = SetMaintenance(fixture_.operator_party(), false);
  ASSERT_THAT(ended, IsOk());
  EXPECT_FALSE(ended->is_on());
  EXPECT_FALSE(ended->has_since_time());
  const auto lease = waiting.get();
  ASSERT_THAT(lease, IsOk());
  EXPECT_TRUE(lease->has_lease()) << lease->idle_message();
  EXPECT_LT(absl::Now() - start, kLongWait / 2);
}

// Names may be people's; a client needs to tell them apart, no more.
TEST_F(PoolServiceTest, ClientsSeeTheNamesOfThoseAloneThatWantIt) {
  const int64_t task = SubmitTask();
  const int64_t session = *miner_->OpenSession("alices-desk");
  const auto lease = miner_->AcquireLease(session, kNoWait);
  ASSERT_THAT(lease, IsOk());
  ASSERT_TRUE(lease->has_lease());
  const std::string id =
      absl::StrCat("account-", miner_->WhoAmI()->account().account_id());

  EXPECT_EQ(AccountSeenBy(*client_, task), id);
  EXPECT_EQ(AccountSeenBy(*miner_, task), "alice");
  EXPECT_EQ(AccountSeenBy(fixture_.operator_party(), task), "alice");
  ASSERT_EQ(Workers(*client_).size(), 1);
  EXPECT_EQ(Workers(*client_)[0].account_name(), id);
  EXPECT_EQ(Workers(*client_)[0].worker_name(),
            absl::StrCat("session-", session));
  EXPECT_EQ(client_->GetTask(task)->client_name(), "carol");
  EXPECT_EQ(miner_->GetTask(task)->client_name(), "carol");

  SetVisibility(*miner_, true);
  SetVisibility(*miner_, true);
  EXPECT_EQ(AccountSeenBy(*client_, task), "alice");
  EXPECT_EQ(Workers(*client_)[0].account_name(), "alice");
  EXPECT_EQ(Workers(*client_)[0].worker_name(),
            absl::StrCat("session-", session))
      << "machines are nobody's business";
  SetVisibility(*miner_, false);
  EXPECT_EQ(AccountSeenBy(*client_, task), id);
}

TEST_F(PoolServiceTest, ClientsSeeTheWorkersOfTheirOwnTasksAlone) {
  SubmitTask();
  const auto dave = fixture_.Make("dave", v1::ROLE_CLIENT);
  const int64_t session = *miner_->OpenSession("w1");
  ASSERT_THAT(miner_->OpenSession("w2"), IsOk());
  EXPECT_EQ(Workers(*client_).size(), 0) << "nobody works for it yet";
  const auto lease = miner_->AcquireLease(session, kNoWait);
  ASSERT_THAT(lease, IsOk());
  ASSERT_TRUE(lease->has_lease());
  ASSERT_EQ(Workers(*client_).size(), 1);
  EXPECT_EQ(Workers(*client_)[0].session_id(), session);
  EXPECT_EQ(Workers(*dave).size(), 0);
  EXPECT_EQ(Workers(fixture_.operator_party()).size(), 2);
  Restart();
  EXPECT_EQ(Workers(*client_).size(), 1) << "known from the records";
}

TEST_F(PoolServiceTest, ASplitShowsWhoAcceptsIt) {
  const auto bob = fixture_.Make("bob", v1::ROLE_MINER);
  const auto consent = [&bob](const std::string& name, bool is_given) {
    v1::SetShareConsentRequest request;
    request.set_account_name(name);
    request.set_is_given(is_given);
    return bob->remote.Call(bob->payout,
                            &v1::PayoutService::Stub::SetShareConsent, request);
  };
  v1::SetRevenueSplitRequest split;
  for (const char* name : {"alice", "bob"}) {
    v1::RevenuePart* part = split.add_parts();
    part->set_account_name(name);
    part->set_share_ppm(500'000);
  }
  const auto ask = [this](const v1::SetRevenueSplitRequest& request) {
    return miner_->remote.Call(
        miner_->payout, &v1::PayoutService::Stub::SetRevenueSplit, request);
  };
  EXPECT_THAT(ask(split), FailsWith("SHARE_NOT_ACCEPTED"));
  EXPECT_THAT(consent("nobody", true), FailsWith("ACCOUNT_UNKNOWN"));
  EXPECT_THAT(consent("", false)->account_names(), IsEmpty());
  EXPECT_THAT(consent("alice", true)->account_names(), ElementsAre("alice"));
  EXPECT_THAT(consent("", false)->account_names(), ElementsAre("alice"));
  const auto set = ask(split);
  ASSERT_THAT(set, IsOk());
  EXPECT_TRUE(set->parts(0).is_accepted());
  EXPECT_TRUE(set->parts(1).is_accepted());
  EXPECT_THAT(consent("alice", false)->account_names(), IsEmpty());
  const auto shown = ask({});
  ASSERT_THAT(shown, IsOk());
  EXPECT_TRUE(shown->parts(0).is_accepted());
  EXPECT_FALSE(shown->parts(1).is_accepted());
}

TEST_F(PoolServiceTest, WorkersAreListedWithWhatTheySaid) {
  const auto bob = fixture_.Make("bob", v1::ROLE_MINER);
  const int64_t session = *miner_->OpenSession("w1");
  ASSERT_THAT(bob->OpenSession("w9"), IsOk());
  ASSERT_THAT(miner_->Heartbeat(session, {}), IsOk());
  const auto workers = [](Party& party) {
    return party.remote
        .Call(party.pool, &v1::PoolService::Stub::ListWorkers, {})
        ->workers();
  };
  EXPECT_EQ(workers(fixture_.operator_party()).size(), 2);
  const auto own = workers(*miner_);
  ASSERT_EQ(own.size(), 1);
  EXPECT_EQ(own[0].account_name(), "alice");
  EXPECT_EQ(own[0].worker_name(), "w1");
  EXPECT_EQ(own[0].activity(), v1::WORKER_ACTIVITY_TRAINING);
  EXPECT_EQ(own[0].steps(), 2);
  // The same worker again closes the earlier session.
  const int64_t next = *miner_->OpenSession("w1");
  ASSERT_EQ(workers(*miner_).size(), 1);
  EXPECT_EQ(workers(*miner_)[0].session_id(), next);
  EXPECT_THAT(miner_->Heartbeat(session, {}), FailsWith("SESSION_UNKNOWN"));
}

}  // namespace
}  // namespace archpool
