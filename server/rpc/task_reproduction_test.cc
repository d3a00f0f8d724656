// SPDX-License-Identifier: Apache-2.0
// What a client is told of the trainings of its networks, over real gRPC.
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/data/idx.h"
#include "common/data/split.h"
#include "common/model/arithmetic.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

class ReproductionServiceTest : public ::testing::Test {
 protected:
  int64_t SubmitTask() {
    return fixture_.SubmitTask(*client_, "carol", fixture_.Spec(dataset_));
  }
  absl::StatusOr<v1::SubmitTaskResponse> SubmitAnother() {
    v1::SubmitTaskRequest request;
    *request.mutable_spec() = fixture_.Spec(dataset_);
    request.set_request_id("another");
    v1::DepositRequest deposit;
    deposit.set_account_name("carol");
    deposit.set_amount_micros(request.spec().reward_micros());
    deposit.set_request_id("another deposit");
    Party& boss = fixture_.operator_party();
    EXPECT_THAT(boss.remote.Call(boss.ledger, &v1::LedgerService::Stub::Deposit,
                                 deposit),
                IsOk());
    return client_->remote.Call(client_->task,
                                &v1::TaskService::Stub::SubmitTask, request);
  }
  // Takes a lease, and gets its first trial accepted; its key is `key`.
  int64_t Accept(std::string& key) {
    const int64_t session = *miner_->OpenSession("w1");
    const auto lease = miner_->AcquireLease(session, absl::ZeroDuration());
    EXPECT_THAT(lease, IsOk());
    const auto& assignment = lease->lease().assignments(0);
    const int64_t trial = assignment.trial_id();
    key = assignment.trial_key();
    const auto asked =
        miner_->Report(session, lease->lease(), trial, kWeights, 7);
    EXPECT_THAT(asked, IsOk());
    EXPECT_THAT(miner_->Answer(*asked, kWeights), IsOk());
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
  absl::StatusOr<v1::ListTrialsResponse> Trials(Party& party, int64_t task) {
    v1::ListTrialsRequest request;
    request.set_task_id(task);
    return party.remote.Call(party.task, &v1::TaskService::Stub::ListTrials,
                             request);
  }
  absl::StatusOr<v1::GetReproductionResponse> Reproduction(Party& party,
                                                           int64_t trial) {
    v1::GetReproductionRequest request;
    request.set_trial_id(trial);
    return party.remote.Call(party.task,
                             &v1::TaskService::Stub::GetReproduction, request);
  }

  static constexpr char kWeights[] = "the weights";
  RpcFixture fixture_;
  std::unique_ptr<Party> client_ = fixture_.Make("carol", v1::ROLE_CLIENT);
  std::unique_ptr<Party> miner_ = fixture_.Make("alice", v1::ROLE_MINER);
  std::unique_ptr<Party> verifier_ = fixture_.Make("victor", v1::ROLE_VERIFIER);
  const std::string dataset_ = fixture_.RegisterDataset(*client_);
};

// Before the task ends, a trial's key would let others train what its miner
// trains; after it, it is the client's proof.
TEST_F(ReproductionServiceTest,
       AClientIsToldHowItsNetworksWereTrainedAfterTheEnd) {
  const auto dave = fixture_.Make("dave", v1::ROLE_CLIENT);
  const int64_t id = SubmitTask();
  std::string key;
  const int64_t trial = Accept(key);
  EXPECT_THAT(Reproduction(*client_, trial), FailsWith("TASK_NOT_ENDED"));
  ASSERT_THAT(Cancel(*client_, id), IsOk());
  EXPECT_THAT(Reproduction(*client_, trial), FailsWith("TASK_NOT_ENDED"));
  VerifyFinalist();
  ASSERT_EQ(client_->GetTask(id)->state(), v1::TASK_STATE_CANCELLED);

  const auto told = Reproduction(*client_, trial);
  ASSERT_THAT(told, IsOk());
  ASSERT_EQ(told->trainings_size(), 1);
  const auto& training = told->trainings(0);
  EXPECT_EQ(training.trial_id(), trial);
  EXPECT_EQ(training.trial_key(), key);
  EXPECT_EQ(training.rung(), 0);
  EXPECT_EQ(training.weights_digest(), Sha256(kWeights).AsBytes());
  EXPECT_EQ(training.validation_correct(), 7);
  EXPECT_EQ(training.arithmetic(), kArithmetic);
  EXPECT_EQ(told->held_out_correct(), 6);

  // Another trial of the task was released; nobody else is told of either.
  const auto listed = Trials(*client_, id);
  ASSERT_THAT(listed, IsOk());
  for (const auto& other : listed->trials()) {
    if (other.trial_id() == trial) continue;
    EXPECT_THAT(Reproduction(*client_, other.trial_id()),
                FailsWith("TRIAL_NOT_ACCEPTED"));
  }
  const absl::Status of_another = Reproduction(*dave, trial).status();
  EXPECT_THAT(of_another, FailsWith("TRIAL_UNKNOWN"));
  EXPECT_EQ(
      absl::StrCat(Reproduction(*dave, 999).status().message()),
      absl::StrReplaceAll(std::string(of_another.message()),
                          {{absl::StrCat("trial-", trial), "trial-999"}}));
  EXPECT_THAT(Reproduction(*client_, 0), FailsWith("FIELD_REQUIRED"));
  for (Party* party : {miner_.get(), verifier_.get()}) {
    EXPECT_THAT(Reproduction(*party, trial), FailsWith("ROLE_NOT_ALLOWED"));
  }
}

// With the key and the files a client makes the same splits.
TEST_F(ReproductionServiceTest, TheSplitKeyMakesTheSameSplits) {
  const int64_t id = SubmitTask();
  std::string key;
  const int64_t trial = Accept(key);
  ASSERT_THAT(Cancel(*client_, id), IsOk());
  VerifyFinalist();
  const auto told = Reproduction(*client_, trial);
  ASSERT_THAT(told, IsOk());
  const auto files = ParseIdx(IdxImages(60), IdxLabels(60), 10, {});
  ASSERT_THAT(files, IsOk());
  const auto split = SplitDataset(*files, std::nullopt, 10, 10,
                                  *Digest::FromBytes(told->split_key()));
  ASSERT_THAT(split, IsOk());
  EXPECT_EQ(split->manifest.Id().AsBytes(), dataset_);
  EXPECT_EQ(DigestOf(split->held_out).AsBytes(), told->held_out_digest());
}

// A known result was trained under the earlier task's secret.
TEST_F(ReproductionServiceTest, AKnownResultIsReproducedAsItWasTrained) {
  const int64_t first = SubmitTask();
  std::string key;
  const int64_t trained = Accept(key);
  ASSERT_THAT(Cancel(*client_, first), IsOk());
  VerifyFinalist();
  const auto second = SubmitAnother();
  ASSERT_THAT(second, IsOk());
  const auto known = Trials(*client_, second->task_id());
  ASSERT_THAT(known, IsOk());
  ASSERT_EQ(known->trials_size(), 1);
  ASSERT_EQ(known->trials(0).known_from_trial_id(), trained);
  const int64_t trial = known->trials(0).trial_id();
  EXPECT_THAT(Reproduction(*client_, trial), FailsWith("TASK_NOT_ENDED"));
  ASSERT_EQ(*Cancel(*client_, second->task_id()), v1::TASK_STATE_CANCELLED);
  const auto told = Reproduction(*client_, trial);
  ASSERT_THAT(told, IsOk());
  ASSERT_EQ(told->trainings_size(), 1);
  EXPECT_EQ(told->trainings(0).trial_id(), trained);
  EXPECT_EQ(told->trainings(0).trial_key(), key);
}

}  // namespace
}  // namespace archpool
