// SPDX-License-Identifier: Apache-2.0
// Tasks, accounts and money over real gRPC.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/crypto/token.h"
#include "common/wire/task_spec_wire.h"
#include "common/wire/words.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

rpc::RpcOptions FastWatches() {
  rpc::RpcOptions options;
  options.watch_pace = {.interval_min = absl::Milliseconds(20),
                        .interval_max = absl::Milliseconds(100)};
  return options;
}

class TaskServiceTest : public ::testing::Test {
 protected:
  TaskServiceTest()
      : fixture_(FastWatches()),
        client_(fixture_.Make("carol", v1::ROLE_CLIENT)),
        miner_(fixture_.Make("alice", v1::ROLE_MINER)),
        verifier_(fixture_.Make("victor", v1::ROLE_VERIFIER)),
        dataset_(fixture_.RegisterDataset(*client_)) {}

  int64_t SubmitTask() {
    return fixture_.SubmitTask(*client_, "carol", fixture_.Spec(dataset_));
  }
  // Takes a lease, and gets its first trial accepted.
  int64_t Accept(const std::string& worker) {
    const int64_t session = *miner_->OpenSession(worker);
    const auto lease = miner_->AcquireLease(session, absl::ZeroDuration());
    EXPECT_THAT(lease, IsOk());
    const int64_t trial = lease->lease().assignments(0).trial_id();
    const std::string weights = "weights of " + worker;
    const auto asked =
        miner_->Report(session, lease->lease(), trial, weights, 7);
    EXPECT_THAT(asked, IsOk());
    EXPECT_THAT(miner_->Answer(*asked, weights), IsOk());
    const auto audit = verifier_->AcquireAudit(absl::ZeroDuration());
    EXPECT_THAT(audit, IsOk());
    EXPECT_THAT(verifier_->Measure(audit->audit(), 7, 6), IsOk());
    // A task that ends would wait for the second one.
    v1::ReleaseLeaseRequest release;
    release.set_session_id(session);
    release.set_lease_id(lease->lease().lease_id());
    release.set_attempt(lease->lease().attempt());
    EXPECT_THAT(
        miner_->remote.Call(miner_->work, &v1::WorkService::Stub::ReleaseLease,
                            release),
        IsOk());
    return trial;
  }
  // The only accepted trial wins once it was replayed in full.
  void VerifyFinalist() {
    const auto audit = verifier_->AcquireAudit(absl::ZeroDuration());
    ASSERT_THAT(audit, IsOk());
    EXPECT_TRUE(audit->audit().is_whole());
    EXPECT_THAT(verifier_->Measure(audit->audit(), 7, 6), IsOk());
  }
  absl::StatusOr<v1::TaskState> Cancel(Party& party, int64_t task) {
    v1::CancelTaskRequest request;
    request.set_task_id(task);
    auto response = party.remote.Call(
        party.task, &v1::TaskService::Stub::CancelTask, request);
    if (!response.ok()) return response.status();
    return response->state();
  }
  absl::StatusOr<v1::ListTrialsResponse> Trials(
      Party& party, int64_t task, int64_t page_size = 0,
      const std::string& page_token = "", int64_t after = 0) {
    v1::ListTrialsRequest request;
    request.set_task_id(task);
    request.set_page_size(page_size);
    request.set_page_token(page_token);
    if (after != 0) request.set_after_trial_id(after);
    return party.remote.Call(party.task, &v1::TaskService::Stub::ListTrials,
                             request);
  }
  // "account:alice", "escrow:1", "fees".
  static std::string Text(const v1::Place& place) {
    const std::string kind = wire::WordOf(place.kind());
    if (place.has_task_id()) return absl::StrCat(kind, ":", place.task_id());
    return place.account_name().empty()
               ? kind
               : absl::StrCat(kind, ":", place.account_name());
  }
  std::map<std::string, int64_t> Balances(Party& party) {
    std::map<std::string, int64_t> amounts;
    const auto response = party.remote.Call(
        party.ledger, &v1::LedgerService::Stub::ListBalances, {});
    EXPECT_THAT(response, IsOk());
    for (const auto& balance : response->balances()) {
      amounts[Text(balance.place())] = balance.amount_micros();
    }
    return amounts;
  }

  RpcFixture fixture_;
  std::unique_ptr<Party> client_;
  std::unique_ptr<Party> miner_;
  std::unique_ptr<Party> verifier_;
  std::string dataset_;
};

TEST_F(TaskServiceTest, ATaskIsCheckedWithoutBeingOpened) {
  v1::CheckTaskRequest request;
  *request.mutable_spec() = fixture_.Spec(dataset_);
  const auto check = [&] {
    return client_->remote
        .Call(client_->task, &v1::TaskService::Stub::CheckTask, request)
        .status();
  };
  EXPECT_THAT(check(), FailsWith("FIELD_RANGE"));
  v1::DatasetManifest& manifest = *request.mutable_manifest();
  manifest = wire::ToProto(DatasetManifest{.shape = {1, 8, 8},
                                           .classes = 4,
                                           .train_count = 100,
                                           .validation_count = 40,
                                           .held_out_count = 40,
                                           .train = Sha256("not cut yet"),
                                           .validation = Sha256("not cut yet"),
                                           .deviation_ppm = 1});
  EXPECT_THAT(check(), FailsWith("BALANCE_TOO_LOW"));
  const int64_t task = SubmitTask();  // with a deposit, which comes back
  EXPECT_THAT(Cancel(*client_, task), IsOk());
  EXPECT_THAT(check(), IsOk());
  EXPECT_FALSE(client_->GetTask(task + 1).ok());
}

TEST_F(TaskServiceTest, ATaskShowsWhatWasAskedAndHowItGoes) {
  const std::string miner =
      absl::StrCat("account-", miner_->WhoAmI()->account().account_id());
  const int64_t id = SubmitTask();
  auto task = client_->GetTask(id);
  ASSERT_THAT(task, IsOk());
  EXPECT_EQ(task->state(), v1::TASK_STATE_ACTIVE);
  EXPECT_EQ(task->client_name(), "carol");
  EXPECT_EQ(task->space_size(), 12);
  EXPECT_EQ(task->subspaces(), 4);
  EXPECT_EQ(task->spec().SerializeAsString(),
            fixture_.Spec(dataset_).SerializeAsString());
  EXPECT_FALSE(task->has_best());

  const int64_t trial = Accept("w1");
  task = client_->GetTask(id);
  ASSERT_THAT(task, IsOk());
  EXPECT_EQ(task->trials_accepted(), 1);
  EXPECT_EQ(task->trials_abandoned(), 1);
  EXPECT_EQ(task->subspaces_explored(), 1);
  EXPECT_EQ(task->best().trial_id(), trial);
  EXPECT_EQ(task->best().claimed_accuracy_ppm(), 700'000);
  EXPECT_EQ(task->best().measured_accuracy_ppm(), 700'000);
  EXPECT_EQ(task->best().verified_accuracy_ppm(), 600'000);
  EXPECT_EQ(task->best().basis(), v1::TRIAL_BASIS_AUDITED);
  const auto listed = client_->remote.Call(
      client_->task, &v1::TaskService::Stub::ListTasks, {});
  ASSERT_THAT(listed, IsOk());
  EXPECT_EQ(listed->tasks(0).best_trial_id(), trial);
  EXPECT_EQ(listed->tasks(0).best_verified_accuracy_ppm(), 600'000);
  EXPECT_EQ(listed->tasks(0).trials_accepted(), 1);
  EXPECT_EQ(task->best().account_name(), miner);
  EXPECT_THAT(task->best().description(), ::testing::HasSubstr("width="));
  ASSERT_EQ(task->front_size(), 1);
  ASSERT_EQ(task->shares_size(), 1);
  EXPECT_EQ(task->shares(0).account_name(), miner);
}

TEST_F(TaskServiceTest, ClientsSeeTheirOwnTasksAlone) {
  const int64_t id = SubmitTask();
  const auto dave = fixture_.Make("dave", v1::ROLE_CLIENT);
  EXPECT_THAT(dave->GetTask(id), FailsWith("TASK_UNKNOWN"));
  for (Party* const party : {dave.get(), client_.get()}) {
    EXPECT_THAT(party->GetTask(999), FailsWith("TASK_UNKNOWN"));
    EXPECT_THAT(Trials(*party, 999), FailsWith("TASK_UNKNOWN"));
    EXPECT_THAT(Cancel(*party, 999), FailsWith("TASK_UNKNOWN"));
  }
  EXPECT_THAT(Trials(*dave, id), FailsWith("TASK_UNKNOWN"));
  EXPECT_THAT(Cancel(*dave, id), FailsWith("TASK_UNKNOWN"));
  EXPECT_THAT(miner_->GetTask(id), IsOk());
  EXPECT_THAT(fixture_.operator_party().GetTask(id), IsOk());
  const auto listed = [](Party& party) {
    return party.remote.Call(party.task, &v1::TaskService::Stub::ListTasks, {})
        ->tasks_size();
  };
  EXPECT_EQ(listed(*dave), 0);
  EXPECT_EQ(listed(*client_), 1);
  EXPECT_EQ(listed(*miner_), 1);
}

TEST_F(TaskServiceTest, MinersSeeTheirOwnTrialsAlone) {
  const int64_t id = SubmitTask();
  Accept("w1");
  const auto bob = fixture_.Make("bob", v1::ROLE_MINER);
  const int64_t session = *bob->OpenSession("w1");
  ASSERT_THAT(bob->AcquireLease(session, absl::ZeroDuration()), IsOk());
  EXPECT_EQ(Trials(*client_, id)->trials_size(), 4);
  EXPECT_EQ(Trials(*miner_, id)->trials_size(), 2);
  const auto first = Trials(*bob, id, 1);
  ASSERT_EQ(first->trials_size(), 1);
  EXPECT_EQ(first->trials(0).account_name(), "bob");
  ASSERT_NE(first->next_page_token(), "");
  const auto second = Trials(*bob, id, 1, first->next_page_token());
  ASSERT_EQ(second->trials_size(), 1);
  EXPECT_GT(second->trials(0).trial_id(), first->trials(0).trial_id());
  EXPECT_EQ(second->next_page_token(), "");
  // What is new since then.
  const int64_t known = first->trials(0).trial_id();
  EXPECT_EQ(Trials(*bob, id, 0, "", known)->trials_size(), 1);
  EXPECT_THAT(Trials(*bob, id + 1, 1, first->next_page_token()),
              FailsWith("PAGE_TOKEN_MALFORMED"));
}

// Who knew the best networks could train their neighbours instead of what the
// search asks for.
TEST_F(TaskServiceTest, MinersSeeNothingOfWhatWasFound) {
  const int64_t id = SubmitTask();
  Accept("w1");
  const auto bob = fixture_.Make("bob", v1::ROLE_MINER);
  const auto hidden = bob->GetTask(id);
  ASSERT_THAT(hidden, IsOk());
  EXPECT_TRUE(hidden->is_partial());
  EXPECT_EQ(hidden->trials_accepted(), 1);
  EXPECT_EQ(hidden->shares_size(), 0);
  const auto own = miner_->GetTask(id);
  ASSERT_THAT(own, IsOk());
  ASSERT_EQ(own->shares_size(), 1);
  EXPECT_EQ(own->shares(0).account_name(), "alice");
  for (const v1::Task* const task : {&*hidden, &*own}) {
    EXPECT_FALSE(task->has_best());
    EXPECT_EQ(task->front_size(), 0);
    EXPECT_EQ(task->spec().dataset_id(), "");
    EXPECT_EQ(task->manifest().train_digest(), "");
    EXPECT_EQ(task->manifest().validation_digest(), "");
    EXPECT_GT(task->manifest().train_count(), 0);
    EXPECT_EQ(task->subspaces_explored(), 0);
  }
  const auto listed =
      bob->remote.Call(bob->task, &v1::TaskService::Stub::ListTasks, {});
  ASSERT_THAT(listed, IsOk());
  EXPECT_FALSE(listed->tasks(0).has_best_trial_id());
  EXPECT_FALSE(listed->tasks(0).has_best_verified_accuracy_ppm());
  for (Party* const party : {client_.get(), &fixture_.operator_party()}) {
    const auto shown = party->GetTask(id);
    EXPECT_FALSE(shown->is_partial());
    ASSERT_THAT(shown, IsOk());
    EXPECT_THAT(shown->best().choices(), ::testing::Not(::testing::IsEmpty()));
    EXPECT_EQ(shown->front(0).weights_digest(), shown->best().weights_digest());
    EXPECT_EQ(shown->best().architecture_id().size(), 32U);
  }
}

// The client may say that they do, once it is over.
TEST_F(TaskServiceTest, MinersSeeTheFrontAfterTheEndWhereTheClientSaysSo) {
  const auto bob = fixture_.Make("bob", v1::ROLE_MINER);
  for (const bool is_open : {true, false}) {
    const std::string name = is_open ? "dora" : "dave";
    const auto client = fixture_.Make(name, v1::ROLE_CLIENT);
    v1::TaskSpec spec = fixture_.Spec(fixture_.RegisterDataset(*client));
    if (is_open) {
      spec.set_results_visible_to_miners(v1::RESULT_SIGHT_AFTER_END);
    }
    const int64_t id = fixture_.SubmitTask(*client, name, spec);
    Accept("w1");
    EXPECT_EQ(bob->GetTask(id)->front_size(), 0) << "it runs";
    ASSERT_THAT(Cancel(*client, id), IsOk());
    VerifyFinalist();
    ASSERT_EQ(client->GetTask(id)->state(), v1::TASK_STATE_CANCELLED);
    const auto ended = bob->GetTask(id);
    ASSERT_THAT(ended, IsOk());
    EXPECT_EQ(ended->has_best(), is_open);
    EXPECT_EQ(ended->front_size(), is_open ? 1 : 0);
    EXPECT_EQ(ended->shares_size(), 0);
    if (!is_open) continue;
    EXPECT_EQ(ended->best().verified_accuracy_ppm(), 600'000);
    EXPECT_EQ(ended->best().architecture_id().size(), 32U);
    EXPECT_EQ(
        ended->best().account_name(),
        absl::StrCat("account-", miner_->WhoAmI()->account().account_id()));
  }
}

TEST_F(TaskServiceTest, SubmittingAgainAnswersTheSameTask) {
  const int64_t id = SubmitTask();
  v1::SubmitTaskRequest request;
  *request.mutable_spec() = fixture_.Spec(dataset_);
  request.set_request_id("r1");
  const auto again = client_->remote.Call(
      client_->task, &v1::TaskService::Stub::SubmitTask, request);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->task_id(), id);
  request.set_request_id("r2");
  EXPECT_THAT(client_->remote.Call(client_->task,
                                   &v1::TaskService::Stub::SubmitTask, request),
              FailsWith("BALANCE_TOO_LOW"));
  request.mutable_spec()->mutable_recipe()->set_epochs(0);
  EXPECT_THAT(client_->remote.Call(client_->task,
                                   &v1::TaskService::Stub::SubmitTask, request),
              FailsWith("RECIPE_RANGE"));
}

// Who believes that bob was paid must not be told so for what carol got.
TEST_F(TaskServiceTest, ARequestIdIsOfOneDepositAndOfOneTask) {
  Party& boss = fixture_.operator_party();
  const auto deposit = [&boss](const std::string& name, int64_t amount) {
    v1::DepositRequest request;
    request.set_account_name(name);
    request.set_amount_micros(amount);
    request.set_request_id("gift");
    return boss.remote.Call(boss.ledger, &v1::LedgerService::Stub::Deposit,
                            request);
  };
  const auto first = deposit("carol", 7);
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(deposit("carol", 7)->transfer_id(), first->transfer_id());
  EXPECT_THAT(deposit("carol", 8), FailsWith("REQUEST_ID_REUSED"));
  EXPECT_THAT(deposit("alice", 7), FailsWith("REQUEST_ID_REUSED"));

  SubmitTask();
  v1::SubmitTaskRequest request;
  *request.mutable_spec() = fixture_.Spec(dataset_);
  request.mutable_spec()->set_name("another");
  request.set_request_id("r1");
  EXPECT_THAT(client_->remote.Call(client_->task,
                                   &v1::TaskService::Stub::SubmitTask, request),
              FailsWith("REQUEST_ID_REUSED"));
}

TEST_F(TaskServiceTest, RegisteringAgainAnswersTheSameDataset) {
  EXPECT_EQ(fixture_.RegisterDataset(*client_), dataset_);
  // Another account's split is another draw.
  const auto dave = fixture_.Make("dave", v1::ROLE_CLIENT);
  EXPECT_NE(fixture_.RegisterDataset(*dave), dataset_);
  v1::RegisterDatasetRequest request;
  request.set_classes(10);
  request.set_validation_count(10);
  const auto call = [&] {
    return client_->remote.Call(
        client_->task, &v1::TaskService::Stub::RegisterDataset, request);
  };
  EXPECT_THAT(call(), FailsWith("FIELD_REQUIRED"));  // no format
  v1::IdxFiles& files = *request.mutable_idx();
  files.set_train_images_digest(Sha256("never sent").AsBytes());
  files.set_train_labels_digest(Sha256("never sent").AsBytes());
  EXPECT_THAT(call(), FailsWith("FIELD_RANGE"));  // no held-out split
  request.set_held_out_count(10);
  EXPECT_THAT(call(), FailsWith("BLOB_UNKNOWN"));
}

TEST_F(TaskServiceTest, AClientSeesNoResultOfWhatItDoesNotPayFor) {
  const int64_t id = SubmitTask();
  Accept("w1");
  const int64_t session = *miner_->OpenSession("w2");
  const auto lease = miner_->AcquireLease(session, absl::ZeroDuration());
  ASSERT_THAT(lease, IsOk());
  const int64_t trial = lease->lease().assignments(0).trial_id();
  ASSERT_THAT(miner_->Report(session, lease->lease(), trial, "weights", 9),
              IsOk());
  const auto claim_of = [&](Party& party,
                            int64_t wanted) -> std::optional<int64_t> {
    const auto trials = Trials(party, id);
    EXPECT_THAT(trials, IsOk());
    for (const v1::Trial& one : trials->trials()) {
      if ((one.trial_id() == trial) == (wanted == trial) &&
          one.state() != v1::TRIAL_STATE_ABANDONED) {
        if (!one.has_claimed_accuracy_ppm()) return std::nullopt;
        return one.claimed_accuracy_ppm();
      }
    }
    return 0;
  };
  EXPECT_EQ(claim_of(*client_, trial), std::nullopt);
  EXPECT_EQ(claim_of(*miner_, trial), 900'000) << "its own";
  EXPECT_EQ(claim_of(*client_, 0), 700'000) << "what is accepted";
}

TEST_F(TaskServiceTest, CancellingPaysWhatWasAcceptedAndRefundsTheRest) {
  const int64_t id = SubmitTask();
  const int64_t trial = Accept("w1");
  EXPECT_EQ(*Cancel(*client_, id), v1::TASK_STATE_FINISHING);
  VerifyFinalist();
  EXPECT_EQ(*Cancel(*client_, id), v1::TASK_STATE_CANCELLED);  // idempotent
  const auto task = client_->GetTask(id);
  ASSERT_THAT(task, IsOk());
  EXPECT_EQ(task->state(), v1::TASK_STATE_CANCELLED);
  EXPECT_EQ(task->end_reason(), v1::END_REASON_CANCELLED);
  EXPECT_TRUE(task->has_end_time());
  EXPECT_GT(task->refund_micros(), 0);
  EXPECT_EQ(task->shares(0).paid_micros() + task->fee_micros() +
                task->refund_micros(),
            fixture_.Spec(dataset_).reward_micros());

  const auto all = Balances(fixture_.operator_party());
  EXPECT_EQ(all.at("account:alice"), task->shares(0).paid_micros());
  EXPECT_EQ(all.at("fees"), task->fee_micros());
  EXPECT_EQ(all.at("escrow:1"), 0);
  const auto own = Balances(*miner_);
  EXPECT_EQ(own.size(), 1u);
  EXPECT_EQ(own.at("account:alice"), task->shares(0).paid_micros());
  EXPECT_EQ(Trials(*client_, id)->trials(0).trial_id(), trial);
  EXPECT_GT(Trials(*client_, id)->trials(0).pay_micros(), 0);

  Party& boss = fixture_.operator_party();
  const auto check =
      boss.remote.Call(boss.ledger, &v1::LedgerService::Stub::CheckLedger, {});
  ASSERT_THAT(check, IsOk());
  EXPECT_EQ(check->violations_size(), 0);
  EXPECT_GT(check->transfers(), 3);
  EXPECT_EQ(check->debits_micros(), check->credits_micros());

  const auto transfers = miner_->remote.Call(
      miner_->ledger, &v1::LedgerService::Stub::ListTransfers, {});
  ASSERT_THAT(transfers, IsOk());
  for (const auto& transfer : transfers->transfers()) {
    EXPECT_EQ(Text(transfer.credit_place()), "account:alice");
  }
  EXPECT_EQ(transfers->transfers_size(), 2);  // work and finder's bonus
}

// A watcher hears of every step without asking, and that it is over.
TEST_F(TaskServiceTest, WatchingHearsOfChangesUntilTheEnd) {
  const int64_t id = SubmitTask();
  grpc::ClientContext context;
  client_->remote.Prepare(context, absl::Seconds(20));
  v1::WatchTaskRequest request;
  request.set_task_id(id);
  const auto reader = client_->task.WatchTask(&context, request);
  v1::WatchTaskResponse message;
  ASSERT_TRUE(reader->Read(&message));
  EXPECT_EQ(message.task().trials_accepted(), 0);
  Accept("w1");
  while (message.task().trials_accepted() == 0) {
    ASSERT_TRUE(reader->Read(&message));
  }
  ASSERT_THAT(Cancel(*client_, id), IsOk());
  VerifyFinalist();
  while (reader->Read(&message)) {
  }
  EXPECT_EQ(message.task().state(), v1::TASK_STATE_CANCELLED);
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(TaskServiceTest, WatchesRepeatThemselvesAndEndWithTheirClient) {
  const int64_t id = SubmitTask();
  grpc::ClientContext context;
  client_->remote.Prepare(context, absl::Seconds(20));
  v1::WatchTaskRequest request;
  request.set_task_id(id);
  const auto reader = client_->task.WatchTask(&context, request);
  v1::WatchTaskResponse message;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(reader->Read(&message));
  context.TryCancel();
  while (reader->Read(&message)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);

  grpc::ClientContext stranger;
  const auto dave = fixture_.Make("dave", v1::ROLE_CLIENT);
  dave->remote.Prepare(stranger, absl::Seconds(20));
  const auto refused = dave->task.WatchTask(&stranger, request);
  EXPECT_FALSE(refused->Read(&message));
  EXPECT_THAT(wire::FromGrpc(refused->Finish()), FailsWith("TASK_UNKNOWN"));
}

// A commit in doubt that was written must not stay unknown to what is kept in
// memory: accounts, sums of tasks, those who watch.
TEST_F(TaskServiceTest, WhatACommitInDoubtChangedIsSeen) {
  Party& boss = fixture_.operator_party();
  v1::CreateAccountRequest create;
  create.set_name("eve");
  create.set_role(v1::ROLE_MINER);
  fixture_.next_commit = Fault::kDoubtWritten;
  EXPECT_THAT(boss.CreateAccount(create), FailsWith("COMMIT_FAILED"));
  EXPECT_THAT(boss.CreateAccount(create), FailsWith("ACCOUNT_NAME_TAKEN"));
  const auto accounts = boss.remote.Call(
      boss.account, &v1::AccountService::Stub::ListAccounts, {});
  ASSERT_THAT(accounts, IsOk());
  EXPECT_EQ(accounts->accounts(accounts->accounts_size() - 1).name(), "eve");

  const int64_t id = SubmitTask();
  EXPECT_EQ(client_->GetTask(id)->state(), v1::TASK_STATE_ACTIVE);
  fixture_.next_commit = Fault::kDoubtWritten;
  EXPECT_THAT(Cancel(*client_, id), FailsWith("COMMIT_FAILED"));
  // The task is over, and no commit will ever touch it again.
  EXPECT_EQ(*Cancel(*client_, id), v1::TASK_STATE_CANCELLED);
  EXPECT_EQ(client_->GetTask(id)->state(), v1::TASK_STATE_CANCELLED);
}

}  // namespace
}  // namespace archpool
