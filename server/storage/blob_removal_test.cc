// SPDX-License-Identifier: Apache-2.0
// A blob that somebody works with stays, and what goes is gone at once.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/storage/blob_store.h"
#include "server/storage/removal_lock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

namespace fs = std::filesystem;

class BlobRemovalTest : public ::testing::Test {
 protected:
  Digest Put(const std::string& bytes) { return *store_.Put(bytes); }
  // As if its last write had been so long ago.
  void Age(const fs::path& path, absl::Duration age) {
    const timespec time = absl::ToTimespec(absl::Now() - age);
    const timespec times[2] = {time, time};
    ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }
  fs::path PathOf(const Digest& blob) {
    const std::string name = blob.ToString();
    return absl::StrCat(directory_.path(), "/blobs/blobs/", name.substr(0, 2),
                        "/", name);
  }
  bool Has(const Digest& blob) { return store_.Size(blob).ok(); }
  absl::StatusOr<BlobRemoval> Remove(const Digest& blob,
                                     bool is_wanted = false) {
    return store_.Remove(
        blob, absl::Now() + absl::Hours(1),
        [is_wanted]() -> absl::StatusOr<bool> { return is_wanted; });
  }

  TemporaryDirectory directory_;
  const BlobStore store_ = *BlobStore::Open(directory_.path() + "/blobs");
};

TEST_F(BlobRemovalTest, WhatNobodyWantsGoesAndSaysHowMuch) {
  const Digest blob = Put("bytes");
  EXPECT_FALSE(Remove(blob, /*is_wanted=*/true)->is_gone);
  EXPECT_TRUE(Has(blob));
  const auto removed = Remove(blob);
  ASSERT_THAT(removed, IsOk());
  EXPECT_TRUE(removed->is_gone);
  EXPECT_EQ(removed->freed_bytes, 5);
  EXPECT_FALSE(Has(blob));
  EXPECT_FALSE(Remove(blob)->is_gone) << "it is gone already";
  EXPECT_EQ(Put("bytes"), blob);
  EXPECT_TRUE(Has(blob)) << "and may come again";
}

TEST_F(BlobRemovalTest, WhatIsNewOrRenewedStays) {
  const Digest blob = Put("bytes");
  const auto remove = [&] {
    return store_
        .Remove(blob, absl::Now() - absl::Hours(24),
                []() -> absl::StatusOr<bool> { return false; })
        ->is_gone;
  };
  EXPECT_FALSE(remove());
  Age(PathOf(blob), absl::Hours(25));
  store_.Renew(blob);
  EXPECT_FALSE(remove());
  Age(PathOf(blob), absl::Hours(25));
  Put("bytes");
  EXPECT_FALSE(remove()) << "it was put once more";
  Age(PathOf(blob), absl::Hours(25));
  EXPECT_TRUE(remove());
}

TEST_F(BlobRemovalTest, WhatIsHeldStays) {
  const Digest blob = Put("bytes");
  {
    const BlobHold first = store_.Hold(blob);
    BlobHold second = store_.Hold(blob);
    const BlobHold moved = std::move(second);
    bool was_asked = false;
    EXPECT_FALSE(store_
                     .Remove(blob, absl::InfiniteFuture(),
                             [&]() -> absl::StatusOr<bool> {
                               was_asked = true;
                               return false;
                             })
                     ->is_gone);
    EXPECT_FALSE(was_asked);
    EXPECT_TRUE(Has(blob));
  }
  // A copy of the store is the same store.
  const BlobStore copy = store_;
  {
    const BlobHold hold = copy.Hold(blob);
    EXPECT_FALSE(Remove(blob)->is_gone);
  }
  EXPECT_TRUE(Remove(blob)->is_gone);
}

// An upload of the same digest that begins while the blob is removed is told
// that it is not here, and never that it is.
TEST_F(BlobRemovalTest, WhoComesWhileItGoesFindsItGone) {
  const Digest blob = Put("bytes");
  std::atomic<bool> begins = false;
  std::atomic<bool> has_hold = false;
  bool found = true;
  std::thread sender([&] {
    while (!begins) std::this_thread::yield();
    const BlobHold hold = store_.Hold(blob);
    has_hold = true;
    found = Has(blob);
    EXPECT_THAT(store_.Append("alice", blob, 0, "bytes"), IsOk());
    EXPECT_THAT(store_.Complete("alice", blob), IsOk());
  });
  const auto removed = store_.Remove(
      blob, absl::InfiniteFuture(), [&]() -> absl::StatusOr<bool> {
        begins = true;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        EXPECT_FALSE(has_hold);
        return false;
      });
  sender.join();
  ASSERT_THAT(removed, IsOk());
  EXPECT_TRUE(removed->is_gone);
  EXPECT_FALSE(found);
  EXPECT_TRUE(Has(blob)) << "it came again";
}

// Many senders and a collector on one digest: whoever holds it and completed it
// has it for as long as it holds it.
TEST_F(BlobRemovalTest, SendersAndACollectorAgree) {
  const Digest blob = Sha256("shared");
  std::atomic<bool> stops = false;
  std::thread collector([&] {
    while (!stops) EXPECT_THAT(Remove(blob), IsOk());
  });
  std::vector<std::thread> senders;
  for (int i = 0; i < 4; ++i) {
    senders.emplace_back([&, owner = absl::StrCat("sender ", i)] {
      for (int round = 0; round < 100; ++round) {
        const BlobHold hold = store_.Hold(blob);
        if (!Has(blob)) {
          const auto held = store_.PartialSize(owner, blob);
          ASSERT_THAT(held, IsOk());
          // Another one may be faster at any moment.
          (void)store_.Append(owner, blob, 0, "shared");
          ASSERT_THAT(store_.Complete(owner, blob), IsOk());
        }
        for (int look = 0; look < 5; ++look) {
          EXPECT_EQ(*store_.ReadAll(blob, 100), "shared");
        }
      }
    });
  }
  for (std::thread& sender : senders) sender.join();
  stops = true;
  collector.join();
}

TEST_F(BlobRemovalTest, ListsWhatIsThereAlone) {
  std::set<Digest> put;
  for (int i = 0; i < 300; ++i) put.insert(Put(absl::StrCat(i)));
  std::ofstream(PathOf(*put.begin()).parent_path() / "README") << "not a blob";
  std::set<Digest> listed;
  for (int part = 0; part < 256; ++part) {
    const auto some = store_.List(part);
    ASSERT_THAT(some, IsOk());
    for (const Digest& digest : *some) {
      EXPECT_EQ(digest.bytes[0], part);
      EXPECT_TRUE(listed.insert(digest).second);
    }
  }
  EXPECT_EQ(listed, put);
}

TEST_F(BlobRemovalTest, PartsGoThatNobodyContinues) {
  const Digest old_one = Sha256("old one");
  const Digest new_one = Sha256("new one");
  ASSERT_THAT(store_.Append("alice", old_one, 0, "old"), IsOk());
  for (const auto& entry :
       fs::directory_iterator(directory_.path() + "/blobs/partial")) {
    Age(entry.path(), absl::Hours(25));
  }
  ASSERT_THAT(store_.Append("alice", new_one, 0, "new"), IsOk());
  std::ofstream(directory_.path() + "/blobs/temporary/left") << "by a kill";
  Age(directory_.path() + "/blobs/temporary/left", absl::Hours(26));
  EXPECT_EQ(store_.RemoveParts(absl::Now() - absl::Hours(24)), 2);
  EXPECT_EQ(*store_.PartialSize("alice", old_one), 0);
  EXPECT_EQ(*store_.PartialSize("alice", new_one), 3);
  // Its sender hears from where to go on, and may.
  EXPECT_THAT(store_.Append("alice", old_one, 3, " one"),
              FailsWith("BLOB_OFFSET"));
  ASSERT_THAT(store_.Append("alice", old_one, 0, "old one"), IsOk());
  EXPECT_THAT(store_.Complete("alice", old_one), IsOk());
}

TEST_F(BlobRemovalTest, AnErrorOfWhoIsAskedRemovesNothing) {
  const Digest blob = Put("bytes");
  const auto removed = store_.Remove(
      blob, absl::InfiniteFuture(),
      []() -> absl::StatusOr<bool> { return absl::UnavailableError("away"); });
  EXPECT_FALSE(removed.ok());
  EXPECT_TRUE(Has(blob));
  const BlobHold hold = store_.Hold(blob);  // and nobody waits for it
}

TEST_F(BlobRemovalTest, ABackupAndARemovalKeepOutOfEachOthersWay) {
  const std::string directory = directory_.path() + "/blobs";
  const std::stop_source nobody;
  {
    const auto first = RemovalLock::ToCopy(directory, nobody.get_token());
    const auto second = RemovalLock::ToCopy(directory, nobody.get_token());
    ASSERT_THAT(first, IsOk());
    ASSERT_THAT(second, IsOk()) << "two may copy";
    const auto removal = RemovalLock::TryToRemove(directory);
    ASSERT_THAT(removal, IsOk());
    EXPECT_FALSE(removal->has_value());
  }
  const auto removal = RemovalLock::TryToRemove(directory);
  ASSERT_THAT(removal, IsOk());
  ASSERT_TRUE(removal->has_value());
  std::stop_source stopped;
  stopped.request_stop();
  EXPECT_THAT(RemovalLock::ToCopy(directory, stopped.get_token()),
              FailsWith("STOPPED"));
}

// The lock of a process that was killed holds nobody up.
TEST_F(BlobRemovalTest, AKilledBackupHoldsNothing) {
  const std::string directory = directory_.path() + "/blobs";
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto lock =
        RemovalLock::ToCopy(directory, std::stop_source().get_token());
    (void)!write(ready[1], lock.ok() ? "y" : "n", 1);
    pause();
    _exit(1);
  }
  char answer = 0;
  ASSERT_EQ(read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_FALSE(RemovalLock::TryToRemove(directory)->has_value());
  ASSERT_EQ(kill(child, SIGKILL), 0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(RemovalLock::TryToRemove(directory)->has_value());
  close(ready[0]);
  close(ready[1]);
}

}  // namespace
}  // namespace archpool
