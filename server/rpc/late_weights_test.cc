// SPDX-License-Identifier: Apache-2.0
// Weights after the end of their task, over real gRPC: nothing is kept for
// longer because its miner says so, and who may read them hears what became of
// them.
#include <fcntl.h>
#include <sys/stat.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/wire/status_wire.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rpc_fixture.h"
#include "tests/support/status_matchers.h"
#include "tests/support/store_writer.h"

namespace archpool {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

// A trial that was committed, and whose audit is open.
class LateWeightsTest : public ::testing::Test {
 protected:
  LateWeightsTest() {
    fixture_.SubmitTask(*client_, "carol", fixture_.Spec(dataset_));
    session_ = *miner_->OpenSession("w1");
    const auto lease = miner_->AcquireLease(session_, absl::ZeroDuration());
    EXPECT_THAT(lease, IsOk());
    trial_ = lease->lease().assignments(0).trial_id();
    const auto asked =
        miner_->Report(session_, lease->lease(), trial_, weights_, 5);
    EXPECT_THAT(asked, IsOk());
    asked_ = *asked;
  }

  v1::BeginUploadRequest Upload() { return WeightsUpload(trial_, weights_); }
  // In the records. From then on the engine writes none: what is answered must
  // not need it.
  void EndTask(TrialBasis basis, absl::Time end_time,
               const std::vector<int64_t>& further_epochs = {}) {
    Trial trial = *fixture_.store.GetTrial(TrialId{trial_});
    trial.state = TrialState::kAccepted;
    VerdictIn(trial).basis = basis;
    Task task = *fixture_.store.GetTask(trial.task);
    TaskSpec spec = *task.spec;
    spec.recipe.further_epochs = further_epochs;
    task.spec = std::make_shared<const TaskSpec>(std::move(spec));
    task.state = TaskState::kCancelled;
    task.end_reason = EndReason::kCancelled;
    task.end_time = end_time;
    Writer writer(fixture_.store);
    ASSERT_THAT(writer.Commit({trial, task}), IsOk());
  }
  // As the collector does, of what nobody renewed within a day.
  bool Collect() {
    const auto removed =
        fixture_.blobs.Remove(Sha256(weights_), absl::Now() - kDay,
                              []() -> absl::StatusOr<bool> { return false; });
    EXPECT_THAT(removed, IsOk());
    return removed.ok() && removed->is_gone;
  }
  // A call that has been answered may hold the blob for a moment.
  bool CollectInTime() {
    const absl::Time end = absl::Now() + absl::Seconds(20);
    bool is_gone = Collect();
    for (; !is_gone && absl::Now() < end; is_gone = Collect()) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    return is_gone;
  }
  void Age() {
    const std::string name = Sha256(weights_).ToString();
    const std::string path =
        absl::StrCat(fixture_.directory.path(), "/blobs/blobs/",
                     name.substr(0, 2), "/", name);
    const timespec time = absl::ToTimespec(absl::Now() - 2 * kDay);
    const timespec times[2] = {time, time};
    ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }

  const std::string weights_ = "the weights";
  RpcFixture fixture_;
  std::unique_ptr<Party> client_ = fixture_.Make("carol", v1::ROLE_CLIENT);
  std::unique_ptr<Party> miner_ = fixture_.Make("alice", v1::ROLE_MINER);
  const std::string dataset_ = fixture_.RegisterDataset(*client_);
  int64_t session_ = 0;
  int64_t trial_ = 0;
  v1::ReportTrialsResponse::Result asked_;
};

// Asked every day, it would stay for ever, and count to nobody.
TEST_F(LateWeightsTest, WhoAsksAfterTheEndRenewsNothing) {
  ASSERT_THAT(miner_->Send(Upload(), weights_), IsOk());
  EndTask(TrialBasis::kAudited, fixture_.clock.Now());
  Age();
  const auto whole = static_cast<int64_t>(weights_.size());
  EXPECT_EQ(*miner_->BeginUpload(Upload()), whole)
      << "the answer to its last byte may have been lost";
  EXPECT_THAT(miner_->Send(Upload(), weights_, whole), IsOk());
  EXPECT_TRUE(CollectInTime());
  EXPECT_THAT(miner_->BeginUpload(Upload()), FailsWith("UPLOAD_TOO_LATE"));
  EXPECT_THAT(miner_->Send(Upload(), weights_), FailsWith("UPLOAD_TOO_LATE"));
  EXPECT_THAT(fixture_.blobs.Size(Sha256(weights_)), FailsWith("BLOB_UNKNOWN"));
}

// As long as its task is open, what it was asked for is taken, and stays.
TEST_F(LateWeightsTest, WhileATaskIsOpenItsWeightsAreRenewed) {
  ASSERT_THAT(miner_->Send(Upload(), weights_), IsOk());
  Age();
  EXPECT_EQ(*miner_->BeginUpload(Upload()),
            static_cast<int64_t>(weights_.size()));
  EXPECT_FALSE(Collect());
}

// A transfer that was begun in time, and is finished when nobody waits for it.
TEST_F(LateWeightsTest, AnUploadThatOutlivesItsTaskIsNotTaken) {
  grpc::ClientContext context;
  miner_->remote.Prepare(context, kCallDeadline);
  v1::UploadResponse response;
  const auto writer = miner_->blob.Upload(&context, &response);
  v1::UploadRequest request;
  *request.mutable_begin()->mutable_upload() = Upload();
  ASSERT_TRUE(writer->Write(request));
  request.set_data(weights_.substr(0, 5));
  ASSERT_TRUE(writer->Write(request));
  // It was taken before the task ends.
  const std::string owner =
      AccountId{miner_->WhoAmI()->account().account_id()}.ToString();
  while (*fixture_.blobs.PartialSize(owner, Sha256(weights_)) < 5) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  EndTask(TrialBasis::kAudited, fixture_.clock.Now());
  request.set_data(weights_.substr(5));
  writer->Write(request);
  writer->WritesDone();
  EXPECT_THAT(wire::FromGrpc(writer->Finish()), FailsWith("UPLOAD_TOO_LATE"));
  EXPECT_THAT(fixture_.blobs.Size(Sha256(weights_)), FailsWith("BLOB_UNKNOWN"));
}

// Who sends nothing more holds nothing: else any digest could be kept from
// being removed by one open stream.
TEST_F(LateWeightsTest, AnUploadThatRestsKeepsNothingFromBeingRemoved) {
  ASSERT_THAT(fixture_.blobs.Put(weights_, "account-999"), IsOk());
  Age();
  grpc::ClientContext context;
  client_->remote.Prepare(context, kCallDeadline);
  v1::UploadResponse response;
  const auto writer = client_->blob.Upload(&context, &response);
  v1::UploadRequest request;
  *request.mutable_begin()->mutable_upload() = FileUpload(weights_);
  ASSERT_TRUE(writer->Write(request));
  request.set_data(weights_.substr(0, 5));
  ASSERT_TRUE(writer->Write(request));
  const std::string owner =
      AccountId{client_->WhoAmI()->account().account_id()}.ToString();
  while (*fixture_.blobs.PartialSize(owner, Sha256(weights_)) < 5) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_TRUE(CollectInTime());
  request.set_data(weights_.substr(5));
  EXPECT_TRUE(writer->Write(request));
  writer->WritesDone();
  EXPECT_THAT(wire::FromGrpc(writer->Finish()), IsOk());
  EXPECT_EQ(*fixture_.blobs.ReadAll(Sha256(weights_), 100), weights_);
}

// Nobody audited it, and it was accepted when its weights had come, since a
// further rung might have continued from them.
TEST_F(LateWeightsTest, WhatWasHereAndIsRemovedIsSaidToBeRemoved) {
  const auto dave = fixture_.Make("dave", v1::ROLE_CLIENT);
  ASSERT_THAT(miner_->Send(Upload(), weights_), IsOk());
  EndTask(TrialBasis::kSampledOut, fixture_.clock.Now() - 400 * kDay,
          /*further_epochs=*/{2});
  EXPECT_EQ(*client_->DownloadWeights(trial_), weights_);
  Age();
  ASSERT_TRUE(CollectInTime());
  EXPECT_THAT(client_->DownloadWeights(trial_), FailsWith("WEIGHTS_REMOVED"));
  EXPECT_THAT(dave->DownloadWeights(trial_), FailsWith("TRIAL_UNKNOWN"));
}

TEST_F(LateWeightsTest, WhatNeverCameIsSaidNotToHaveBeenAskedFor) {
  // The same digest may be another's.
  ASSERT_THAT(fixture_.blobs.Put(weights_, "account-999"), IsOk());
  EndTask(TrialBasis::kSampledOut, fixture_.clock.Now() - 400 * kDay);
  const auto there = client_->DownloadWeights(trial_);
  EXPECT_THAT(there, FailsWith("WEIGHTS_NOT_ASKED_FOR"));
  Age();
  ASSERT_TRUE(CollectInTime());
  EXPECT_EQ(client_->DownloadWeights(trial_).status(), there.status())
      << "it tells nothing of the other's";
}

// No verifier decided it in time.
TEST_F(LateWeightsTest, OfTheUnverifiedTheTimeDecides) {
  EndTask(TrialBasis::kUnverified, fixture_.clock.Now());
  EXPECT_THAT(client_->DownloadWeights(trial_),
              FailsWith("WEIGHTS_NOT_ASKED_FOR"));
  EndTask(TrialBasis::kUnverified, fixture_.clock.Now() - 400 * kDay);
  EXPECT_THAT(client_->DownloadWeights(trial_), FailsWith("WEIGHTS_REMOVED"));
}

}  // namespace
}  // namespace archpool
