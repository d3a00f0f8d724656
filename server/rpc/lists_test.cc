// SPDX-License-Identifier: Apache-2.0
// Lists over real gRPC: what they show, page by page.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/wire/words.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;

class ListsTest : public ::testing::Test {
 protected:
  int64_t SubmitTask() {
    return fixture_.SubmitTask(*client_, "carol", fixture_.Spec(dataset_));
  }
  // "account:alice", "escrow:1", "fees".
  static std::string Text(const v1::Place& place) {
    const std::string kind = wire::WordOf(place.kind());
    if (place.has_task_id()) return absl::StrCat(kind, ":", place.task_id());
    return place.account_name().empty()
               ? kind
               : absl::StrCat(kind, ":", place.account_name());
  }

  RpcFixture fixture_;
  std::unique_ptr<Party> client_ = fixture_.Make("carol", v1::ROLE_CLIENT);
  std::unique_ptr<Party> miner_ = fixture_.Make("alice", v1::ROLE_MINER);
  std::unique_ptr<Party> verifier_ = fixture_.Make("victor", v1::ROLE_VERIFIER);
  const std::string dataset_ = fixture_.RegisterDataset(*client_);
};

// What a person looks through must not carry whole search spaces.
TEST_F(ListsTest, ListsShowTasksInShort) {
  const int64_t id = SubmitTask();
  const auto listed = client_->remote.Call(
      client_->task, &v1::TaskService::Stub::ListTasks, {});
  ASSERT_THAT(listed, IsOk());
  ASSERT_EQ(listed->tasks_size(), 1);
  const v1::TaskSummary& one = listed->tasks(0);
  EXPECT_EQ(one.task_id(), id);
  EXPECT_EQ(one.name(), fixture_.Spec(dataset_).name());
  EXPECT_EQ(one.state(), v1::TASK_STATE_ACTIVE);
  EXPECT_EQ(one.reward_micros(), fixture_.Spec(dataset_).reward_micros());
  EXPECT_EQ(one.trials_accepted(), 0);
  EXPECT_FALSE(one.has_best_trial_id());
  EXPECT_FALSE(one.has_end_time());
}

TEST_F(ListsTest, TransfersAndBalancesComeInPages) {
  SubmitTask();
  Party& boss = fixture_.operator_party();
  v1::ListTransfersRequest request;
  request.set_page_size(1);
  std::vector<int64_t> ids;
  do {
    const auto page = boss.remote.Call(
        boss.ledger, &v1::LedgerService::Stub::ListTransfers, request);
    ASSERT_THAT(page, IsOk());
    ASSERT_EQ(page->transfers_size(), 1);
    ids.push_back(page->transfers(0).transfer_id());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(ids, ElementsAre(2, 1)) << "deposit and escrow";
  v1::ListBalancesRequest balances;
  balances.set_page_size(2);
  std::vector<std::string> places;
  do {
    const auto page = boss.remote.Call(
        boss.ledger, &v1::LedgerService::Stub::ListBalances, balances);
    ASSERT_THAT(page, IsOk());
    for (const v1::Balance& one : page->balances()) {
      places.push_back(Text(one.place()));
    }
    balances.set_page_token(page->next_page_token());
  } while (!balances.page_token().empty());
  EXPECT_THAT(places, ElementsAre("account:carol", "escrow:1", "outside"));
}

TEST_F(ListsTest, WorkersAndAccountsComeInPages) {
  for (const char* name : {"w1", "w2", "w3"}) {
    ASSERT_THAT(miner_->OpenSession(name), IsOk());
  }
  v1::ListWorkersRequest workers;
  workers.set_page_size(2);
  const auto list = [&] {
    return miner_->remote.Call(miner_->pool,
                               &v1::PoolService::Stub::ListWorkers, workers);
  };
  const auto first = list();
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->workers_size(), 2);
  workers.set_page_token(first->next_page_token());
  const auto second = list();
  ASSERT_THAT(second, IsOk());
  ASSERT_EQ(second->workers_size(), 1);
  EXPECT_EQ(second->workers(0).worker_name(), "w3");
  EXPECT_EQ(second->next_page_token(), "");
  workers.set_page_token("what?");
  EXPECT_THAT(list(), FailsWith("PAGE_TOKEN_MALFORMED"));

  Party& boss = fixture_.operator_party();
  v1::ListAccountsRequest accounts;
  accounts.set_page_size(1);
  std::vector<std::string> names;
  do {
    const auto page = boss.remote.Call(
        boss.account, &v1::AccountService::Stub::ListAccounts, accounts);
    ASSERT_THAT(page, IsOk());
    ASSERT_EQ(page->accounts_size(), 1);
    names.push_back(page->accounts(0).name());
    accounts.set_page_token(page->next_page_token());
  } while (!accounts.page_token().empty());
  EXPECT_THAT(names, ElementsAre("operator", "carol", "alice", "victor"));
}

}  // namespace
}  // namespace archpool
