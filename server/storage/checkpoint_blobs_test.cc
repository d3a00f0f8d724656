// SPDX-License-Identifier: Apache-2.0
#include "server/storage/checkpoint_blobs.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

TEST(CheckpointBlobsTest, ATrialsFilesAreItsOwnAndGoTogether) {
  const TemporaryDirectory directory;
  const CheckpointBlobs blobs(directory.path() + "/checkpoints");
  blobs.DropAllBut({});
  for (const int64_t trial : {1, 2, 3}) {
    for (const char* bytes : {"weights", "optimizer"}) {
      ASSERT_THAT(blobs.Of(TrialId{trial})->Put(bytes), IsOk());
    }
  }
  EXPECT_EQ(*blobs.Of(TrialId{1})->ReadAll(Sha256("weights"), 100), "weights");
  EXPECT_THAT(blobs.Of(TrialId{4})->Size(Sha256("weights")),
              FailsWith("BLOB_UNKNOWN"));
  blobs.Drop(TrialId{1});
  blobs.Drop(TrialId{1});
  EXPECT_THAT(blobs.Of(TrialId{1})->Size(Sha256("weights")),
              FailsWith("BLOB_UNKNOWN"));
  EXPECT_THAT(blobs.Of(TrialId{2})->Size(Sha256("weights")), IsOk());
  blobs.DropAllBut({TrialId{3}});
  EXPECT_FALSE(std::filesystem::exists(directory.path() + "/checkpoints/2"));
  EXPECT_THAT(blobs.Of(TrialId{3})->Size(Sha256("optimizer")), IsOk());
}

// A miner may send what nobody waits for any more: no disk has failed.
TEST(CheckpointBlobsTest, WhatIsDroppedUnderAnUploadIsNotWanted) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/checkpoints";
  StorageErrors errors;
  const CheckpointBlobs blobs(path, &errors);
  const Digest digest = Sha256("weights");
  const auto store = blobs.Of(TrialId{1});
  ASSERT_THAT(store->Append("alice", digest, 0, "weigh"), IsOk());
  blobs.Drop(TrialId{1});
  EXPECT_TRUE(std::filesystem::is_empty(path));
  EXPECT_THAT(store->Append("alice", digest, 5, "ts"),
              FailsWith("UPLOAD_NOT_WANTED"));
  EXPECT_THAT(store->Put("weights"), FailsWith("UPLOAD_NOT_WANTED"));
  EXPECT_THAT(store->Complete("alice", digest), FailsWith("BLOB_UNKNOWN"));
  EXPECT_EQ(errors.count(), 0);
  std::filesystem::remove_all(path);
  EXPECT_THAT(store->Put("weights"), FailsWith("BLOB_IO"))
      << "all of it is gone: that is the disk";
  EXPECT_EQ(errors.count(), 1);
  std::filesystem::create_directory(path);
  std::filesystem::create_directory(path + "/2.dropped");
  blobs.DropAllBut({});
  EXPECT_TRUE(std::filesystem::is_empty(path)) << "what a kill left";
}

TEST(CheckpointBlobsTest, AProbeSaysWhetherFilesAreTaken) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/checkpoints";
  StorageErrors errors;
  const CheckpointBlobs blobs(path, &errors);
  EXPECT_THAT(blobs.Probe(), IsOk());
  EXPECT_TRUE(std::filesystem::is_empty(path));
  std::filesystem::remove_all(path);
  std::ofstream(path) << "in the way";
  EXPECT_TRUE(absl::IsUnavailable(blobs.Probe()));
  EXPECT_TRUE(absl::IsUnavailable(blobs.Of(TrialId{1}).status()));
  EXPECT_EQ(errors.count(), 2);
}

}  // namespace
}  // namespace archpool
