// SPDX-License-Identifier: Apache-2.0
// Uploads and downloads over real gRPC: who may, what resumes, what is refused.
#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/data/dataset.h"
#include "common/data/dataset_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/intake/dataset_registration.h"
#include "tests/support/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

class BlobServiceTest : public ::testing::Test {
 protected:
  BlobServiceTest()
      : client_(fixture_.Make("carol", v1::ROLE_CLIENT)),
        miner_(fixture_.Make("alice", v1::ROLE_MINER)),
        verifier_(fixture_.Make("victor", v1::ROLE_VERIFIER)),
        dataset_(fixture_.RegisterDataset(*client_)) {}

  // A lease of a new task; `committed_` is its first trial, reported with
  // `weights`, and the second one is not.
  void Commit(const std::string& weights) {
    task_ = fixture_.SubmitTask(*client_, "carol", fixture_.Spec(dataset_));
    session_ = *miner_->OpenSession("w1");
    const auto response = miner_->AcquireLease(session_, absl::ZeroDuration());
    ASSERT_THAT(response, IsOk());
    lease_ = response->lease();
    committed_ = lease_.assignments(0).trial_id();
    const auto asked = miner_->Report(session_, lease_, committed_, weights, 5);
    ASSERT_THAT(asked, IsOk());
    asked_ = *asked;
  }
  static std::string OwnerOf(Party& party) {
    return AccountId{party.WhoAmI()->account().account_id()}.ToString();
  }
  v1::TrialState StateOf(int64_t trial) {
    const auto record = fixture_.store.GetTrial(TrialId{trial});
    return record.ok() && record->state == TrialState::kUploaded
               ? v1::TRIAL_STATE_UPLOADED
               : v1::TRIAL_STATE_UNSPECIFIED;
  }

  RpcFixture fixture_;
  std::unique_ptr<Party> client_;
  std::unique_ptr<Party> miner_;
  std::unique_ptr<Party> verifier_;
  std::string dataset_;
  int64_t task_ = 0;
  int64_t session_ = 0;
  v1::LeaseGrant lease_;
  int64_t committed_ = 0;
  v1::ReportTrialsResponse::Result asked_;
};

TEST_F(BlobServiceTest, AnUploadGoesOnWhereItWasCut) {
  const std::string bytes(2'500'000, 'b');
  const v1::BeginUploadRequest begin = FileUpload(bytes);
  EXPECT_EQ(*client_->BeginUpload(begin), 0);
  // The sender stops after a part of it.
  const auto part =
      client_->Send(begin, absl::string_view(bytes).substr(0, 1'200'000));
  ASSERT_THAT(part, IsOk());
  EXPECT_EQ(part->size_bytes(), 1'200'000);
  EXPECT_EQ(*client_->BeginUpload(begin), 1'200'000);
  EXPECT_THAT(client_->Send(begin, bytes, 1'000'000), FailsWith("BLOB_OFFSET"));
  const auto rest = client_->Send(begin, bytes, 1'200'000);
  ASSERT_THAT(rest, IsOk());
  EXPECT_EQ(rest->size_bytes(), 2'500'000);
  EXPECT_EQ(*client_->BeginUpload(begin), 2'500'000);
  EXPECT_EQ(*fixture_.blobs.ReadAll(Sha256(bytes), 1 << 30), bytes);
}

// Two senders' parts of one blob must not be mixed.
TEST_F(BlobServiceTest, PartsBelongToTheirSender) {
  const auto dave = fixture_.Make("dave", v1::ROLE_CLIENT);
  const std::string bytes(1000, 'x');
  ASSERT_THAT(client_->Send(FileUpload(bytes), bytes.substr(0, 600)), IsOk());
  EXPECT_EQ(*dave->BeginUpload(FileUpload(bytes)), 0);
}

TEST_F(BlobServiceTest, BytesMustHashToTheDigest) {
  std::string bytes(1000, 'x');
  const v1::BeginUploadRequest begin = FileUpload(bytes);
  bytes[500] = 'y';
  EXPECT_THAT(client_->Send(begin, bytes), FailsWith("BLOB_DIGEST_MISMATCH"));
  // What was sent is dropped.
  EXPECT_EQ(*client_->BeginUpload(begin), 0);
}

TEST_F(BlobServiceTest, LimitsOfSizeAndChunk) {
  v1::BeginUploadRequest begin = FileUpload("abc");
  EXPECT_THAT(client_->Send(begin, "abcd"), FailsWith("UPLOAD_TOO_LONG"));
  begin.set_size_bytes(kDatasetFileSizeMax + 1);
  EXPECT_THAT(client_->BeginUpload(begin), FailsWith("FIELD_RANGE"));
  begin.set_size_bytes(0);
  EXPECT_THAT(client_->BeginUpload(begin), FailsWith("FIELD_RANGE"));
  const std::string big(3 << 20, 'x');
  EXPECT_THAT(client_->Send(FileUpload(big), big, 0, 2 << 20),
              FailsWith("FIELD_RANGE"));
  // Beyond gRPC's own limit nothing reaches the handler.
  const std::string huge(6 << 20, 'x');
  EXPECT_EQ(client_->Send(FileUpload(huge), huge, 0, 6 << 20).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(BlobServiceTest, AnUploadBeginsOnce) {
  const std::string bytes(1000, 'x');
  const auto send = [&](const std::vector<bool>& begins) {
    grpc::ClientContext context;
    client_->remote.Prepare(context, kCallDeadline);
    v1::UploadResponse response;
    const auto writer = client_->blob.Upload(&context, &response);
    for (const bool is_begin : begins) {
      v1::UploadRequest request;
      if (is_begin) {
        *request.mutable_begin()->mutable_upload() = FileUpload(bytes);
      } else {
        request.set_data("xx");
      }
      if (!writer->Write(request)) break;
    }
    writer->WritesDone();
    return wire::FromGrpc(writer->Finish());
  };
  EXPECT_THAT(send({false}), FailsWith("FIELD_REQUIRED"));
  EXPECT_THAT(send({true, true}), FailsWith("FIELD_MALFORMED"));
  EXPECT_THAT(send({true, false}), IsOk());
}

TEST_F(BlobServiceTest, FilesAreForClientsAndWeightsForMiners) {
  EXPECT_THAT(miner_->BeginUpload(FileUpload("abc")),
              FailsWith("PURPOSE_NOT_ALLOWED"));
  EXPECT_THAT(client_->BeginUpload(WeightsUpload(1, "abc")),
              FailsWith("PURPOSE_NOT_ALLOWED"));
  v1::BeginUploadRequest none = FileUpload("abc");
  none.clear_purpose();
  EXPECT_THAT(client_->BeginUpload(none), FailsWith("FIELD_REQUIRED"));
}

TEST_F(BlobServiceTest, WeightsMustBeThoseThatWereCommitted) {
  const std::string weights = "the weights";
  Commit(weights);
  const int64_t other_trial = lease_.assignments(1).trial_id();
  const auto mallory = fixture_.Make("mallory", v1::ROLE_MINER);
  EXPECT_THAT(miner_->BeginUpload(WeightsUpload(committed_, "other weights")),
              FailsWith("WEIGHTS_NOT_ANNOUNCED"));
  v1::BeginUploadRequest longer = WeightsUpload(committed_, weights);
  longer.set_size_bytes(longer.size_bytes() + 1);
  EXPECT_THAT(miner_->BeginUpload(longer), FailsWith("WEIGHTS_NOT_ANNOUNCED"));
  EXPECT_THAT(miner_->BeginUpload(WeightsUpload(other_trial, weights)),
              FailsWith("TRIAL_NOT_COMMITTED"));
  EXPECT_THAT(mallory->BeginUpload(WeightsUpload(committed_, weights)),
              FailsWith("TRIAL_UNKNOWN"));
  EXPECT_THAT(mallory->Send(WeightsUpload(committed_, weights), weights),
              FailsWith("TRIAL_UNKNOWN"));
  EXPECT_THAT(miner_->BeginUpload(WeightsUpload(999, weights)),
              FailsWith("TRIAL_UNKNOWN"));

  ASSERT_THAT(miner_->Send(WeightsUpload(committed_, weights), weights),
              IsOk());
  EXPECT_EQ(StateOf(committed_), v1::TRIAL_STATE_UPLOADED);
}

// The server may stop between the blob and the word to the core: asking again
// must say it.
TEST_F(BlobServiceTest, BeginConfirmsWeightsThatAreHereAlready) {
  const std::string weights = "the weights";
  Commit(weights);
  ASSERT_THAT(fixture_.blobs.Put(weights, OwnerOf(*miner_)), IsOk());
  EXPECT_EQ(*miner_->BeginUpload(WeightsUpload(committed_, weights)),
            static_cast<int64_t>(weights.size()));
  EXPECT_EQ(StateOf(committed_), v1::TRIAL_STATE_UPLOADED);
}

// The same between the last byte and the blob.
TEST_F(BlobServiceTest, BeginCompletesWhatCameWhole) {
  const std::string weights = "the weights";
  Commit(weights);
  ASSERT_THAT(
      fixture_.blobs.Append(OwnerOf(*miner_), Sha256(weights), 0, weights),
      IsOk());
  EXPECT_EQ(*miner_->BeginUpload(WeightsUpload(committed_, weights)),
            static_cast<int64_t>(weights.size()));
  EXPECT_EQ(StateOf(committed_), v1::TRIAL_STATE_UPLOADED);
  EXPECT_EQ(*fixture_.blobs.ReadAll(Sha256(weights), 100), weights);
}

// A disk may have kept other bytes than came: they are sent again.
TEST_F(BlobServiceTest, BeginDropsWhatCameWholeAndIsAnother) {
  const std::string weights = "the weights";
  Commit(weights);
  ASSERT_THAT(fixture_.blobs.Append(OwnerOf(*miner_), Sha256(weights), 0,
                                    "the_weights"),
              IsOk());
  EXPECT_EQ(*miner_->BeginUpload(WeightsUpload(committed_, weights)), 0);
  ASSERT_THAT(miner_->Send(WeightsUpload(committed_, weights), weights),
              IsOk());
  EXPECT_EQ(StateOf(committed_), v1::TRIAL_STATE_UPLOADED);
}

// Nobody learns by a digest that another has sent the blob, nor is spared to
// send it.
TEST_F(BlobServiceTest, WhatAnotherHasSentIsSentAgain) {
  const std::string weights = "the weights";
  Commit(weights);
  ASSERT_THAT(fixture_.blobs.Put(weights, "account-999"), IsOk());
  EXPECT_EQ(*miner_->BeginUpload(WeightsUpload(committed_, weights)), 0);
  EXPECT_NE(StateOf(committed_), v1::TRIAL_STATE_UPLOADED);
  ASSERT_THAT(miner_->Send(WeightsUpload(committed_, weights), weights),
              IsOk());
  EXPECT_EQ(StateOf(committed_), v1::TRIAL_STATE_UPLOADED);

  const std::string file(1'000, 'f');
  ASSERT_THAT(client_->Send(FileUpload(file), file), IsOk());
  const auto dave = fixture_.Make("dave", v1::ROLE_CLIENT);
  EXPECT_EQ(*dave->BeginUpload(FileUpload(file)), 0);
  ASSERT_THAT(dave->Send(FileUpload(file), file.substr(0, 600)), IsOk());
  EXPECT_EQ(*dave->BeginUpload(FileUpload(file)), 600);
  const auto rest = dave->Send(FileUpload(file), file, 600);
  ASSERT_THAT(rest, IsOk());
  EXPECT_EQ(rest->size_bytes(), 1'000);
  EXPECT_EQ(*fixture_.blobs.ReadAll(Sha256(file), 1'000), file);
  const std::string wrong(1'000, 'w');
  const auto erin = fixture_.Make("erin", v1::ROLE_CLIENT);
  EXPECT_THAT(erin->Send(FileUpload(file), wrong),
              FailsWith("BLOB_DIGEST_MISMATCH"));
  EXPECT_EQ(*fixture_.blobs.ReadAll(Sha256(file), 1'000), file);
}

// By another's files a client would get their images.
TEST_F(BlobServiceTest, ADatasetIsCutFromOwnFilesAlone) {
  const auto dave = fixture_.Make("dave", v1::ROLE_CLIENT);
  v1::RegisterDatasetRequest request;
  const auto call = [&](const std::string& images, const std::string& labels) {
    request.mutable_idx()->set_train_images_digest(Sha256(images).AsBytes());
    request.mutable_idx()->set_train_labels_digest(Sha256(labels).AsBytes());
    request.set_classes(10);
    request.set_validation_count(10);
    request.set_held_out_count(10);
    return dave->remote
        .Call(dave->task, &v1::TaskService::Stub::RegisterDataset, request)
        .status();
  };
  const absl::Status foreign = call(IdxImages(60), IdxLabels(60));
  EXPECT_THAT(foreign, FailsWith("BLOB_UNKNOWN"));
  EXPECT_EQ(foreign, call("never sent", "never sent"));
}

// Only files that an opening named, only of its trial, only while it is looked
// at.
TEST_F(BlobServiceTest, ACheckpointIsTakenForItsAuditAndDroppedAfterIt) {
  const std::string weights = "the weights";
  Commit(weights);
  while (asked_.audit().segment() == 0) {  // which needs no files
    ASSERT_THAT(miner_->Answer(asked_, weights), IsOk());
    const auto audit = verifier_->AcquireAudit(absl::ZeroDuration());
    ASSERT_THAT(verifier_->Measure(audit->audit(), 5, 5), IsOk());
    Commit(weights);
  }
  const int64_t segment = asked_.audit().segment();
  const std::string bytes = CheckpointText(committed_, segment, true);
  EXPECT_THAT(miner_->BeginUpload(CheckpointUpload(committed_, bytes)),
              FailsWith("UPLOAD_NOT_WANTED"))
      << "before the opening";
  ASSERT_THAT(miner_->Answer(asked_, weights), IsOk());
  EXPECT_THAT(miner_->BeginUpload(CheckpointUpload(committed_, "others")),
              FailsWith("UPLOAD_NOT_WANTED"));
  const auto mallory = fixture_.Make("mallory", v1::ROLE_MINER);
  EXPECT_THAT(mallory->BeginUpload(CheckpointUpload(committed_, bytes)),
              FailsWith("TRIAL_UNKNOWN"));
  EXPECT_THAT(verifier_->DownloadCheckpoint(committed_, true),
              FailsWith("TRIAL_UNKNOWN"))
      << "it does not examine it yet";
  EXPECT_THAT(mallory->DownloadCheckpoint(committed_, true),
              FailsWith("PURPOSE_NOT_ALLOWED"));
  EXPECT_THAT(client_->DownloadCheckpoint(committed_, true),
              FailsWith("PURPOSE_NOT_ALLOWED"));

  const auto audit = verifier_->AcquireAudit(absl::ZeroDuration());
  ASSERT_THAT(audit, IsOk());
  EXPECT_EQ(*verifier_->DownloadCheckpoint(committed_, true), bytes);
  EXPECT_EQ(*verifier_->DownloadCheckpoint(committed_, false),
            CheckpointText(committed_, segment, false));
  const auto otto = fixture_.Make("otto", v1::ROLE_VERIFIER);
  EXPECT_THAT(otto->DownloadCheckpoint(committed_, true),
              FailsWith("TRIAL_UNKNOWN"));
  EXPECT_THAT(otto->DownloadWeights(committed_), FailsWith("TRIAL_UNKNOWN"));
  EXPECT_EQ(*verifier_->DownloadWeights(committed_), weights);
  ASSERT_THAT(verifier_->Measure(audit->audit(), 5, 5), IsOk());
  EXPECT_THAT(verifier_->DownloadWeights(committed_),
              FailsWith("TRIAL_UNKNOWN"));
  EXPECT_THAT(miner_->BeginUpload(CheckpointUpload(committed_, bytes)),
              FailsWith("UPLOAD_NOT_WANTED"));
  fixture_.Restart();  // ends what runs in the background
  EXPECT_THAT(fixture_.checkpoints.Of(TrialId{committed_})->Size(Sha256(bytes)),
              FailsWith("BLOB_UNKNOWN"));
}

TEST_F(BlobServiceTest, SplitsAreReadAsTheManifestSays) {
  Commit("the weights");  // and holds the lease
  const auto train = miner_->DownloadSplit(dataset_, v1::SPLIT_TRAIN);
  ASSERT_THAT(train, IsOk());
  const auto decoded = DecodeDataset(*train);
  ASSERT_THAT(decoded, IsOk());
  EXPECT_EQ(decoded->count(), 40);
  EXPECT_EQ(*miner_->DownloadSplit(dataset_, v1::SPLIT_TRAIN, 1000),
            train->substr(1000));
  EXPECT_EQ(*miner_->DownloadSplit(dataset_, v1::SPLIT_TRAIN,
                                   static_cast<int64_t>(train->size())),
            "");
  EXPECT_THAT(miner_->DownloadSplit(dataset_, v1::SPLIT_TRAIN,
                                    static_cast<int64_t>(train->size()) + 1),
              FailsWith("BLOB_RANGE"));
  EXPECT_THAT(miner_->DownloadSplit(dataset_, v1::SPLIT_TRAIN, -1),
              FailsWith("BLOB_RANGE"));
  EXPECT_THAT(miner_->Download(v1::DownloadRequest()),
              FailsWith("FIELD_REQUIRED"));
  EXPECT_THAT(miner_->DownloadSplit(dataset_, v1::SPLIT_UNSPECIFIED),
              FailsWith("FIELD_REQUIRED"));
  EXPECT_THAT(miner_->DownloadSplit(Sha256("x").AsBytes(), v1::SPLIT_TRAIN),
              FailsWith("DATASET_UNKNOWN"));
}

// What is not the caller's business is answered as if it did not exist.
TEST_F(BlobServiceTest, SplitsAreReadByThoseThatHaveAReasonNow) {
  const auto dave = fixture_.Make("dave", v1::ROLE_CLIENT);
  const std::string nowhere = Sha256("x").AsBytes();
  const auto refusal = [&](Party& party, const std::string& id) {
    return party.DownloadSplit(id, v1::SPLIT_TRAIN).status();
  };
  EXPECT_THAT(client_->DownloadSplit(dataset_, v1::SPLIT_VALIDATION), IsOk())
      << "its own";
  for (Party* const party : {miner_.get(), verifier_.get(), dave.get()}) {
    EXPECT_THAT(refusal(*party, dataset_), FailsWith("DATASET_UNKNOWN"));
    EXPECT_EQ(refusal(*party, dataset_), refusal(*party, nowhere));
  }
  Commit("the weights");
  const auto eve = fixture_.Make("eve", v1::ROLE_MINER);
  EXPECT_THAT(miner_->DownloadSplit(dataset_, v1::SPLIT_TRAIN), IsOk());
  EXPECT_THAT(refusal(*eve, dataset_), FailsWith("DATASET_UNKNOWN"));
  v1::ReleaseLeaseRequest release;
  release.set_session_id(session_);
  release.set_lease_id(lease_.lease_id());
  release.set_attempt(lease_.attempt());
  ASSERT_THAT(miner_->remote.Call(
                  miner_->work, &v1::WorkService::Stub::ReleaseLease, release),
              IsOk());
  EXPECT_THAT(miner_->DownloadSplit(dataset_, v1::SPLIT_TRAIN), IsOk())
      << "it is asked for a segment";
  ASSERT_THAT(miner_->Answer(asked_, "the weights"), IsOk());
  EXPECT_THAT(refusal(*miner_, dataset_), FailsWith("DATASET_UNKNOWN"));
}

TEST_F(BlobServiceTest, TheHeldOutSplitIsForVerifiersAlone) {
  EXPECT_THAT(miner_->DownloadSplit(dataset_, v1::SPLIT_HELD_OUT),
              FailsWith("HELD_OUT_CLOSED"));
  EXPECT_THAT(client_->DownloadSplit(dataset_, v1::SPLIT_HELD_OUT),
              FailsWith("HELD_OUT_CLOSED"))
      << "its miners could learn it from it";
  Commit("the weights");
  ASSERT_THAT(miner_->Answer(asked_, "the weights"), IsOk());
  EXPECT_THAT(verifier_->DownloadSplit(dataset_, v1::SPLIT_HELD_OUT),
              FailsWith("DATASET_UNKNOWN"));
  ASSERT_THAT(verifier_->AcquireAudit(absl::ZeroDuration()), IsOk());
  const auto held_out = verifier_->DownloadSplit(dataset_, v1::SPLIT_HELD_OUT);
  ASSERT_THAT(held_out, IsOk());
  EXPECT_EQ(DecodeDataset(*held_out)->count(), 10);
}

TEST_F(BlobServiceTest, WeightsGoToTheTasksClientOnceAccepted) {
  const std::string weights = "the weights";
  Commit(weights);
  ASSERT_THAT(miner_->Send(WeightsUpload(committed_, weights), weights),
              IsOk());
  const auto dave = fixture_.Make("dave", v1::ROLE_CLIENT);
  EXPECT_THAT(client_->DownloadWeights(committed_),
              FailsWith("TRIAL_NOT_ACCEPTED"));
  EXPECT_THAT(dave->DownloadWeights(committed_), FailsWith("TRIAL_UNKNOWN"));
  // A miner continues from its own weights, and sees no other's.
  const auto eve = fixture_.Make("eve", v1::ROLE_MINER);
  EXPECT_THAT(eve->DownloadWeights(committed_), FailsWith("TRIAL_UNKNOWN"));
  // Whoever committed to somebody else's would be given them.
  EXPECT_THAT(miner_->DownloadWeights(committed_),
              FailsWith("TRIAL_NOT_AUDITED"));
  ASSERT_THAT(miner_->Answer(asked_, weights), IsOk());
  const auto audit = verifier_->AcquireAudit(absl::ZeroDuration());
  ASSERT_THAT(audit, IsOk());
  ASSERT_THAT(verifier_->Measure(audit->audit(), 5, 5), IsOk());
  EXPECT_EQ(*miner_->DownloadWeights(committed_), weights);
  EXPECT_EQ(*client_->DownloadWeights(committed_), weights);
  EXPECT_THAT(dave->DownloadWeights(committed_), FailsWith("TRIAL_UNKNOWN"));
}

// Below the reserve nothing new is taken, and what runs goes on.
TEST_F(BlobServiceTest, TheReserveIsForWhatRuns) {
  std::atomic<bool> is_low = false;
  rpc::RpcOptions options;
  options.check_disk = [&is_low] {
    return is_low ? Unavailable("STORAGE_RESERVED", "low") : absl::OkStatus();
  };
  RpcFixture fixture(options);
  const auto client = fixture.Make("carol", v1::ROLE_CLIENT);
  const auto miner = fixture.Make("alice", v1::ROLE_MINER);
  const std::string dataset = fixture.RegisterDataset(*client);
  fixture.SubmitTask(*client, "carol", fixture.Spec(dataset));
  const int64_t session = *miner->OpenSession("w1");
  const auto lease = miner->AcquireLease(session, absl::ZeroDuration());
  ASSERT_THAT(lease, IsOk());
  const auto asked =
      miner->Report(session, lease->lease(),
                    lease->lease().assignments(0).trial_id(), "the weights", 5);
  ASSERT_THAT(asked, IsOk());
  is_low = true;
  const std::string file(1'000, 'f');
  EXPECT_THAT(client->Send(FileUpload(file), file),
              FailsWith("STORAGE_RESERVED"));
  EXPECT_THAT(miner->Answer(*asked, "the weights"), IsOk());
  is_low = false;
  EXPECT_THAT(client->Send(FileUpload(file), file), IsOk());
}

// The pool's own disk is in trouble: the miner is told to try again, and no
// path; when it is fixed, the same file is taken.
TEST_F(BlobServiceTest, ADiskThatTakesNothingIsTriedAgain) {
  const std::string weights(1'000, 'w');
  Commit(weights);
  const std::string partial = fixture_.directory.path() + "/blobs/partial";
  std::filesystem::remove_all(partial);
  const auto refused =
      miner_->Send(WeightsUpload(committed_, weights), weights);
  EXPECT_TRUE(absl::IsUnavailable(refused.status())) << refused.status();
  EXPECT_THAT(refused, FailsWith("BLOB_IO"));
  EXPECT_THAT(std::string(refused.status().message()),
              testing::Not(testing::HasSubstr(fixture_.directory.path())));
  std::filesystem::create_directory(partial);
  EXPECT_THAT(miner_->Send(WeightsUpload(committed_, weights), weights),
              IsOk());
}

}  // namespace
}  // namespace archpool
