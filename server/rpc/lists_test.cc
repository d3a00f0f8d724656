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
  // A trial of the task is accepted, the task is cancelled, and ends once its
  // only result was replayed in full.
  void FinishTask(int64_t id) {
    const auto session = miner_->OpenSession("w1");
    ASSERT_THAT(session, IsOk());
    const auto lease = miner_->AcquireLease(*session, absl::ZeroDuration());
    ASSERT_THAT(lease, IsOk());
    const auto asked =
        miner_->Report(*session, lease->lease(),
                       lease->lease().assignments(0).trial_id(), "weights", 7);
    ASSERT_THAT(asked, IsOk());
    ASSERT_THAT(miner_->Answer(*asked, "weights"), IsOk());
    v1::ReleaseLeaseRequest release;
    release.set_session_id(*session);
    release.set_lease_id(lease->lease().lease_id());
    release.set_attempt(lease->lease().attempt());
    v1::CancelTaskRequest cancel;
    cancel.set_task_id(id);
    for (int audits = 0; audits < 2; ++audits) {
      const auto audit = verifier_->AcquireAudit(absl::ZeroDuration());
      ASSERT_THAT(audit, IsOk());
      ASSERT_THAT(verifier_->Measure(audit->audit(), 7, 6), IsOk());
      if (audits > 0) break;
      ASSERT_THAT(
          miner_->remote.Call(miner_->work,
                              &v1::WorkService::Stub::ReleaseLease, release),
          IsOk());
      ASSERT_THAT(
          client_->remote.Call(client_->task,
                               &v1::TaskService::Stub::CancelTask, cancel),
          IsOk());
    }
  }
  // As the client's list has its only task.
  v1::TaskSummary OnlyTask() {
    const auto listed = client_->remote.Call(
        client_->task, &v1::TaskService::Stub::ListTasks, {});
    EXPECT_THAT(listed, IsOk());
    if (!listed.ok() || listed->tasks_size() != 1) return v1::TaskSummary();
    return listed->tasks(0);
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

// A list says of an ended task what was stored with its end, and so does a
// server that starts afterwards.
TEST_F(ListsTest, AnEndedTaskIsListedByWhatWasStored) {
  const int64_t id = SubmitTask();
  ASSERT_NO_FATAL_FAILURE(FinishTask(id));
  const v1::TaskSummary ended = OnlyTask();
  EXPECT_EQ(ended.state(), v1::TASK_STATE_CANCELLED);
  EXPECT_EQ(ended.trials_accepted(), 1);
  EXPECT_GT(ended.work_units_accepted(), 0);
  EXPECT_EQ(ended.best_verified_accuracy_ppm(), 600'000);
  const auto stored = fixture_.store.Summaries({TaskId{id}});
  ASSERT_THAT(stored, IsOk());
  ASSERT_EQ(stored->size(), 1u);
  EXPECT_EQ(stored->front().sums.trials_accepted, 1);
  EXPECT_EQ(stored->front().best_accuracy_ppm, 600'000);
  const auto shown = client_->GetTask(id);
  ASSERT_THAT(shown, IsOk());

  fixture_.Restart();
  client_ = std::make_unique<Party>(fixture_.address(), client_->token);
  EXPECT_EQ(OnlyTask().SerializeAsString(), ended.SerializeAsString());
  const auto again = client_->GetTask(id);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->SerializeAsString(), shown->SerializeAsString());
  EXPECT_EQ(again->subspaces(), 4);
  EXPECT_EQ(again->front_size(), 1);
  EXPECT_EQ(again->best().trial_id(), ended.best_trial_id());
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
