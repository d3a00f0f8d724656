// SPDX-License-Identifier: Apache-2.0
#include "server/storage/blob_store.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

namespace fs = std::filesystem;

class BlobStoreTest : public ::testing::Test {
 protected:
  TemporaryDirectory directory_;
  BlobStore store_ = *BlobStore::Open(directory_.path() + "/blobs");

  int CountFiles(const std::string& folder) const {
    int count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(
             directory_.path() + "/blobs/" + folder)) {
      count += entry.is_regular_file() ? 1 : 0;
    }
    return count;
  }
};

TEST_F(BlobStoreTest, PutBytesComeBackWholeAndInPieces) {
  std::string bytes(100'000, 'x');
  bytes[0] = '\0';
  bytes[99'999] = '\xff';
  const auto digest = store_.Put(bytes);
  ASSERT_THAT(digest, IsOk());
  EXPECT_EQ(*digest, Sha256(bytes));
  EXPECT_EQ(*store_.Size(*digest), 100'000);
  EXPECT_EQ(*store_.ReadAll(*digest, 100'000), bytes);
  EXPECT_EQ(*store_.Read(*digest, 99'990, 1'000), bytes.substr(99'990));
  EXPECT_EQ(*store_.Read(*digest, 100'000, 1), "");
  EXPECT_THAT(store_.Read(*digest, 100'001, 1), FailsWith("BLOB_RANGE"));
  EXPECT_THAT(store_.Read(*digest, -1, 1), FailsWith("BLOB_RANGE"));
  EXPECT_THAT(store_.Read(*digest, 0, -1), FailsWith("BLOB_RANGE"));
  EXPECT_THAT(store_.ReadAll(*digest, 99'999), FailsWith("BLOB_TOO_LARGE"));
}

TEST_F(BlobStoreTest, PuttingTwiceStoresOnce) {
  ASSERT_THAT(store_.Put("same"), IsOk());
  ASSERT_THAT(store_.Put("same"), IsOk());
  EXPECT_EQ(CountFiles("blobs"), 1);
  EXPECT_EQ(CountFiles("temporary"), 0);
}

TEST_F(BlobStoreTest, UnknownBlobsAreSaidToBe) {
  const Digest digest = Sha256("never sent");
  EXPECT_THAT(store_.Size(digest), FailsWith("BLOB_UNKNOWN"));
  EXPECT_THAT(store_.Read(digest, 0, 1), FailsWith("BLOB_UNKNOWN"));
  EXPECT_THAT(store_.Complete("alice", digest), FailsWith("BLOB_UNKNOWN"));
  EXPECT_EQ(*store_.PartialSize("alice", digest), 0);
}

TEST_F(BlobStoreTest, UploadResumesWhereItStoppedAfterAReopening) {
  const std::string bytes = "the whole of it";
  const Digest digest = Sha256(bytes);
  ASSERT_THAT(store_.Append("alice", digest, 0, bytes.substr(0, 6)), IsOk());
  const BlobStore reopened = *BlobStore::Open(directory_.path() + "/blobs");
  EXPECT_EQ(*reopened.PartialSize("alice", digest), 6);
  EXPECT_THAT(reopened.Append("alice", digest, 0, bytes),
              FailsWith("BLOB_OFFSET"));
  EXPECT_THAT(reopened.Append("alice", digest, 7, bytes),
              FailsWith("BLOB_OFFSET"));
  ASSERT_THAT(reopened.Append("alice", digest, 6, bytes.substr(6)), IsOk());
  EXPECT_THAT(reopened.Size(digest), FailsWith("BLOB_UNKNOWN"));
  ASSERT_THAT(reopened.Complete("alice", digest), IsOk());
  EXPECT_EQ(*reopened.ReadAll(digest, 100), bytes);
  EXPECT_EQ(*reopened.PartialSize("alice", digest), 15);
  EXPECT_THAT(reopened.Complete("alice", digest), IsOk());  // idempotent
  EXPECT_THAT(reopened.Append("alice", digest, 15, "more"),
              FailsWith("BLOB_OFFSET"));
  EXPECT_EQ(CountFiles("partial"), 0);
}

// What one owner sends never ends up in another's upload, whatever they are
// called.
TEST_F(BlobStoreTest, OwnersUploadsAreKeptApart) {
  const std::string bytes = "honest bytes";
  const Digest digest = Sha256(bytes);
  ASSERT_THAT(store_.Append("../mallory", digest, 0, "poisoned"), IsOk());
  EXPECT_EQ(*store_.PartialSize("alice", digest), 0);
  ASSERT_THAT(store_.Append("alice", digest, 0, bytes), IsOk());
  EXPECT_THAT(store_.Complete("../mallory", digest),
              FailsWith("BLOB_DIGEST_MISMATCH"));
  ASSERT_THAT(store_.Complete("alice", digest), IsOk());
  EXPECT_EQ(*store_.ReadAll(digest, 100), bytes);
}

// An owner is told, and does, the same whether another was there before it.
TEST_F(BlobStoreTest, WhatAnotherHasSentIsSentAgain) {
  const std::string bytes = "the same bytes";
  const Digest digest = Sha256(bytes);
  for (const std::string owner : {"alice", "bob"}) {
    EXPECT_EQ(*store_.PartialSize(owner, digest), 0);
    EXPECT_FALSE(*store_.HasSent(owner, digest));
    EXPECT_THAT(store_.Complete(owner, digest), FailsWith("BLOB_UNKNOWN"));
    ASSERT_THAT(store_.Append(owner, digest, 0, bytes.substr(0, 4)), IsOk());
    EXPECT_EQ(*store_.PartialSize(owner, digest), 4);
    ASSERT_THAT(store_.Append(owner, digest, 4, bytes.substr(4)), IsOk());
    ASSERT_THAT(store_.Complete(owner, digest), IsOk());
    EXPECT_TRUE(*store_.HasSent(owner, digest));
    EXPECT_EQ(*store_.PartialSize(owner, digest), 14);
    EXPECT_THAT(store_.Append(owner, digest, 14, "x"),
                FailsWith("BLOB_OFFSET"));
  }
  ASSERT_THAT(store_.Append("mallory", digest, 0, "other bytes..."), IsOk());
  EXPECT_THAT(store_.Complete("mallory", digest),
              FailsWith("BLOB_DIGEST_MISMATCH"));
  EXPECT_FALSE(*store_.HasSent("mallory", digest));
  EXPECT_EQ(*store_.ReadAll(digest, 100), bytes);
  EXPECT_EQ(CountFiles("blobs"), 1);
  EXPECT_EQ(CountFiles("partial"), 0);
}

TEST_F(BlobStoreTest, ABlobIsOfNobodyUntilSomebodyIsNoted) {
  const Digest old_digest = *store_.Put("from before");
  EXPECT_TRUE(store_.IsOfNobody(old_digest));
  EXPECT_FALSE(*store_.HasSent("alice", old_digest));
  ASSERT_THAT(store_.Put("from before", "alice"), IsOk());
  EXPECT_FALSE(store_.IsOfNobody(old_digest));
  EXPECT_TRUE(*store_.HasSent("alice", old_digest));
  EXPECT_FALSE(store_.IsOfNobody(Sha256("nowhere")));
  const BlobStore reopened = *BlobStore::Open(directory_.path() + "/blobs");
  EXPECT_TRUE(*reopened.HasSent("alice", old_digest));
}

TEST_F(BlobStoreTest, WrongBytesAreDroppedAndCanBeSentAgain) {
  const std::string bytes = "right";
  const Digest digest = Sha256(bytes);
  ASSERT_THAT(store_.Append("alice", digest, 0, "wrong"), IsOk());
  EXPECT_THAT(store_.Complete("alice", digest),
              FailsWith("BLOB_DIGEST_MISMATCH"));
  EXPECT_THAT(store_.Size(digest), FailsWith("BLOB_UNKNOWN"));
  EXPECT_EQ(*store_.PartialSize("alice", digest), 0);
  ASSERT_THAT(store_.Append("alice", digest, 0, bytes), IsOk());
  EXPECT_THAT(store_.Complete("alice", digest), IsOk());
}

TEST_F(BlobStoreTest, EmptyBlobIsABlob) {
  const Digest digest = Sha256(absl::string_view());
  ASSERT_THAT(store_.Complete("alice", digest), IsOk());
  EXPECT_EQ(*store_.Size(digest), 0);
}

// One owner that appends and completes at once from many threads cannot bring
// about a blob that is not what it is called.
TEST_F(BlobStoreTest, RacingAppendsNeverChangeACompletedBlob) {
  for (int round = 0; round < 50; ++round) {
    const std::string bytes = absl::StrCat("round ", round);
    const Digest digest = Sha256(bytes);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int step = 0; step < 20; ++step) {
          const auto held = store_.PartialSize("mallory", digest);
          if (!held.ok()) continue;
          const auto offset = static_cast<size_t>(*held);
          store_
              .Append("mallory", digest, *held,
                      offset == 0 ? bytes : std::string("garbage"))
              .IgnoreError();
          store_.Complete("mallory", digest).IgnoreError();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    if (store_.Size(digest).ok()) {
      ASSERT_EQ(*store_.ReadAll(digest, 1'000), bytes);
    }
  }
}

// A process that is killed at any moment while it stores blobs leaves only
// whole ones. Many kills, at different moments.
TEST_F(BlobStoreTest, KilledWriterLeavesOnlyWholeBlobs) {
  const std::string path = directory_.path() + "/blobs";
  for (int round = 0; round < 20; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      const BlobStore store = *BlobStore::Open(path);
      for (int i = 0;; ++i) {
        const std::string bytes(static_cast<size_t>(200'000 + i),
                                static_cast<char>('a' + (round + i) % 26));
        const Digest digest = Sha256(bytes);
        const std::string half = bytes.substr(0, bytes.size() / 2);
        store.Put(absl::StrCat(bytes, "put")).IgnoreError();
        store.Append("a", digest, 0, half).IgnoreError();
        store
            .Append("a", digest, static_cast<int64_t>(half.size()),
                    bytes.substr(half.size()))
            .IgnoreError();
        store.Complete("a", digest).IgnoreError();
      }
    }
    usleep(static_cast<useconds_t>(2'000 + 1'500 * round));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
  }
  int blobs = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path + "/blobs")) {
    if (!entry.is_regular_file()) continue;
    ++blobs;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)),
                            std::istreambuf_iterator<char>());
    ASSERT_EQ(Sha256(bytes).ToString(), entry.path().filename().string());
  }
  EXPECT_GT(blobs, 0);
  const BlobStore reopened = *BlobStore::Open(path);
  EXPECT_EQ(CountFiles("temporary"), 0);
}

TEST_F(BlobStoreTest, UploadsNobodyWentOnWithAreDroppedAfterADay) {
  const Digest old_digest = Sha256("old");
  const Digest new_digest = Sha256("new");
  ASSERT_THAT(store_.Append("alice", old_digest, 0, "ol"), IsOk());
  for (const auto& entry :
       fs::directory_iterator(directory_.path() + "/blobs/partial")) {
    fs::last_write_time(entry.path(), fs::file_time_type::clock::now() -
                                          std::chrono::hours(25));
  }
  ASSERT_THAT(store_.Append("alice", new_digest, 0, "ne"), IsOk());
  const BlobStore reopened = *BlobStore::Open(directory_.path() + "/blobs");
  EXPECT_EQ(*reopened.PartialSize("alice", old_digest), 0);
  EXPECT_EQ(*reopened.PartialSize("alice", new_digest), 2);
}

// A disk that takes nothing is the pool's trouble: whoever sends may try again,
// and learns no path; the operator learns both.
TEST_F(BlobStoreTest, ADiskThatTakesNothingIsNoFaultOfTheSender) {
  std::vector<std::string> heard;
  StorageErrors errors;
  errors.OnError([&](const std::string& detail) { heard.push_back(detail); });
  const std::string path = directory_.path() + "/blobs";
  const BlobStore store = *BlobStore::Open(path, &errors);
  ASSERT_THAT(store.Append("alice", Sha256("x"), 0, ""), IsOk());
  fs::remove_all(path + "/partial");
  fs::remove_all(path + "/temporary");
  for (const absl::Status& refused :
       {store.Append("alice", Sha256("bytes"), 0, "bytes"),
        store.Put("bytes").status(), store.Probe()}) {
    EXPECT_TRUE(absl::IsUnavailable(refused)) << refused;
    EXPECT_THAT(refused, FailsWith("BLOB_IO"));
    EXPECT_THAT(std::string(refused.message()),
                testing::Not(testing::HasSubstr(directory_.path())));
  }
  EXPECT_EQ(errors.count(), 3);
  EXPECT_THAT(heard, testing::Each(testing::HasSubstr(path)));
  EXPECT_THAT(store.Size(Sha256("none")).status(), FailsWith("BLOB_UNKNOWN"));
  EXPECT_EQ(errors.count(), 3) << "no trouble of the disk";
  fs::create_directory(path + "/temporary");
  EXPECT_THAT(store.Probe(), IsOk());
  EXPECT_TRUE(fs::is_empty(path + "/temporary"));
}

// What is left of its disk is kept for something else.
TEST_F(BlobStoreTest, NothingIsWrittenWhileItsDiskIsClosed) {
  StorageErrors errors;
  bool is_closed = false;
  std::string asked;
  errors.OnWrite([&](const std::string& directory) {
    asked = directory;
    return is_closed;
  });
  const std::string path = directory_.path() + "/blobs";
  const BlobStore store = *BlobStore::Open(path, &errors);
  ASSERT_THAT(store.Append("alice", Sha256("bytes"), 0, "byt"), IsOk());
  EXPECT_EQ(asked, path);
  ASSERT_THAT(store.Append("bob", Sha256("whole"), 0, "whole"), IsOk());
  is_closed = true;
  for (const absl::Status& refused :
       {store.Append("alice", Sha256("bytes"), 3, "es"),
        store.Put("others").status(), store.Probe()}) {
    EXPECT_THAT(refused, FailsWith("STORAGE_FULL"));
  }
  EXPECT_EQ(errors.full_count(), 3) << "its miners get more time";
  EXPECT_THAT(store.Complete("bob", Sha256("whole")), IsOk())
      << "its bytes are there";
  EXPECT_EQ(*store.ReadAll(Sha256("whole"), 10), "whole");
  is_closed = false;
  EXPECT_THAT(store.Append("alice", Sha256("bytes"), 3, "es"), IsOk());
}

TEST_F(BlobStoreTest, UnusableDirectoryIsSaid) {
  std::ofstream(directory_.path() + "/file") << "in the way";
  EXPECT_THAT(BlobStore::Open(directory_.path() + "/file/blobs").status(),
              FailsWith("BLOB_IO"));
}

}  // namespace
}  // namespace archpool
