// SPDX-License-Identifier: Apache-2.0
// A collector beside a real engine and a real blob store: what somebody needs
// stays, whatever happens at the same time.
#include "server/engine/blob_collector.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/storage/memory_store.h"
#include "server/storage/removal_lock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);
constexpr int64_t kMib = int64_t{1} << 20;

class TestClock : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::UnixEpoch();
};

PoolPolicy Keeping() {
  PoolPolicy policy = AuditEverything();
  policy.retention = {.cut_files = kDay,
                      .uncut_files = 30 * kDay,
                      .unused_datasets = 20 * kDay,
                      .results = 100 * kDay,
                      .other_weights = 7 * kDay};
  return policy;
}

class BlobCollectorTest : public testing::Test {
 protected:
  BlobCollectorTest() {
    const auto loaded = store_.TakeOver();
    EXPECT_THAT(store_.Commit(loaded->generation, loaded->sequence,
                              pool_.pool.TakeEvents()),
                IsOk());
    Start();
  }
  // As a server that starts on the same disk and database.
  void Start() {
    engine_.reset();
    engine_ = std::make_unique<Engine>(engine_clock_, disk_, pool_.policy,
                                       EngineOptions());
    EXPECT_THAT(engine_->Start(), IsOk());
    GoOn();
    BlobCollectorOptions options{.retention = pool_.policy.retention,
                                 .unclaimed_kept = kDay,
                                 .directory = directory_.path() + "/blobs"};
    options.at = [this](const std::string& step) {
      if (at_) at_(step);
    };
    collector_ =
        std::make_unique<BlobCollector>(pool_clock_, files_clock_, *engine_,
                                        store_, blobs_, std::move(options));
  }
  CollectedBlobs Round() {
    auto collected = collector_->Round();
    EXPECT_THAT(collected, IsOk());
    return collected.ok() ? *collected : CollectedBlobs();
  }
  // For the pool and for the disk. The pool takes it for time in which it was
  // away, and adds that to all deadlines before it goes on.
  void Pass(absl::Duration duration) {
    passed_us_ += absl::ToInt64Microseconds(duration);
    pool_clock_.now += duration;
    files_clock_.now += duration;
    GoOn();
  }
  // Until that is added, other commands are refused.
  void GoOn() {
    bool more = true;
    while (more) {
      const auto ticked = engine_->Call(Tick{});
      ASSERT_THAT(ticked, IsOk());
      more = ticked->more;
    }
  }
  // A file of the client that the core knows of.
  Digest Send(const std::string& bytes) {
    const Digest digest = *blobs_.Put(bytes);
    EXPECT_THAT(
        engine_->Call(ConfirmFile{pool_.client, digest, std::ssize(bytes)}),
        IsOk());
    return digest;
  }
  int64_t FileBytes() {
    return engine_->Call(SetQuotas{.name = "client"})->stored_bytes.held;
  }
  bool Has(const Digest& digest) { return blobs_.Size(digest).ok(); }

  const TemporaryDirectory directory_;
  const BlobStore blobs_ = *BlobStore::Open(directory_.path() + "/blobs");
  TestPool pool_{Keeping()};
  MemoryStore store_;
  // The database writes nothing.
  std::atomic<bool> is_full_ = false;
  FaultyStore disk_{store_, [this](FaultyStore::Call call) {
                      return is_full_ && call != FaultyStore::Call::kFind
                                 ? Fault::kUnreachable
                                 : Fault::kNone;
                    }};
  std::atomic<int64_t> passed_us_ = 0;  // read by the engine's thread
  SteadyClock engine_clock_{
      {[this] { return absl::FromUnixMicros(passed_us_); },
       [this] { return absl::Microseconds(passed_us_.load()); }}};
  TestClock pool_clock_;
  TestClock files_clock_ = [] {
    TestClock clock;
    clock.now = absl::Now();
    return clock;
  }();
  std::function<void(const std::string&)> at_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<BlobCollector> collector_;
};

TEST_F(BlobCollectorTest, AFileGoesWithItsCountWhenItIsOver) {
  const Digest file = Send("raw");
  EXPECT_EQ(FileBytes(), kMib);
  Pass(29 * kDay);
  EXPECT_EQ(Round().removed, 0);
  EXPECT_TRUE(Has(file));
  Pass(kDay + absl::Hours(1));  // the pool's time goes on from where it was
  const CollectedBlobs collected = Round();
  EXPECT_EQ(collected.removed, 1);
  EXPECT_EQ(collected.freed_bytes, 3);
  EXPECT_EQ(collected.claims_ended, 1);
  EXPECT_FALSE(Has(file));
  EXPECT_EQ(FileBytes(), 0);
  EXPECT_EQ(Round().removed, 0);
  EXPECT_EQ(FileBytes(), 0);
}

TEST_F(BlobCollectorTest, WhatNothingNamesGoesAfterAWhile) {
  const Digest blob = *blobs_.Put("left by a kill");
  EXPECT_EQ(Round().removed, 0) << "its upload may be confirmed yet";
  Pass(kDay + absl::Minutes(1));
  EXPECT_EQ(Round().removed, 1);
  EXPECT_FALSE(Has(blob));
}

// A kill between the commit and the removal: the next server finds the rest.
TEST_F(BlobCollectorTest, AKillInBetweenCountsNothingTwice) {
  const Digest file = Send("raw");
  Pass(31 * kDay);
  struct Killed {};
  at_ = [](const std::string& step) {
    if (step == "blob.ended") throw Killed();
  };
  EXPECT_THROW((void)collector_->Round(), Killed);
  at_ = nullptr;
  EXPECT_TRUE(Has(file));
  Start();
  EXPECT_EQ(FileBytes(), 0);
  const CollectedBlobs collected = Round();
  EXPECT_EQ(collected.removed, 1);
  EXPECT_EQ(collected.claims_ended, 0);
  EXPECT_EQ(FileBytes(), 0);
}

// The same digest comes again between the commit and the removal.
TEST_F(BlobCollectorTest, AnUploadThatComesMeanwhileIsKept) {
  const Digest file = Send("raw");
  Pass(31 * kDay);
  std::thread sender;
  at_ = [&](const std::string& step) {
    if (step != "blob.ended") return;
    sender = std::thread([&] {
      const BlobHold hold = blobs_.Hold(file);  // waits
      EXPECT_FALSE(Has(file));
      Send("raw");
    });
  };
  EXPECT_EQ(Round().removed, 1);
  sender.join();
  EXPECT_TRUE(Has(file));
  EXPECT_EQ(FileBytes(), kMib);
  at_ = nullptr;
  EXPECT_EQ(Round().removed, 0);
}

TEST_F(BlobCollectorTest, WhatIsHeldAndWhatABackupCopiesStays) {
  const Digest file = Send("raw");
  Pass(31 * kDay);
  {
    const BlobHold hold = blobs_.Hold(file);
    EXPECT_EQ(Round().removed, 0);
    EXPECT_EQ(FileBytes(), kMib);
  }
  {
    const auto backup = RemovalLock::ToCopy(directory_.path() + "/blobs", {});
    ASSERT_THAT(backup, IsOk());
    const CollectedBlobs collected = Round();
    EXPECT_TRUE(collected.was_held_up);
    EXPECT_EQ(collected.removed, 0);
    EXPECT_EQ(FileBytes(), kMib) << "the snapshot names it";
  }
  EXPECT_EQ(Round().removed, 1);
}

TEST_F(BlobCollectorTest, AllThreeSplitsGoAndTheCountOnce) {
  DatasetManifest manifest = TinyManifest();
  const Digest train = *blobs_.Put("its train split");
  const Digest validation = *blobs_.Put("its validation split");
  const Digest held_out = *blobs_.Put("its held-out split");
  manifest.train = train;
  manifest.validation = validation;
  const auto dataset = engine_->Call(RegisterDataset{.caller = pool_.client,
                                                     .manifest = manifest,
                                                     .held_out = held_out,
                                                     .split_bytes = 3 * kMib});
  ASSERT_THAT(dataset, IsOk());
  const Digest raw = Send("raw");
  EXPECT_EQ(FileBytes(), 4 * kMib);
  Pass(20 * kDay + absl::Hours(1));
  const CollectedBlobs collected = Round();
  EXPECT_EQ(collected.removed, 3);
  EXPECT_THAT(collected.datasets_dropped, testing::ElementsAre(dataset->id));
  EXPECT_EQ(FileBytes(), kMib);
  EXPECT_TRUE(Has(raw));
  for (const Digest& split : {train, validation, held_out}) {
    EXPECT_FALSE(Has(split));
  }
}

// By a commitment that names another's file it would stay for as long as the
// task, and count to nobody.
TEST_F(BlobCollectorTest, ACommitmentKeepsWhatItsMinerSentAlone) {
  engine_.reset();
  pool_.pool.TakeEvents();
  const AccountId alice = pool_.Make("alice", Role::kMiner);
  const SessionId session = pool_.Open(alice, "w");
  pool_.Submit(TinySpec(4));
  const Lease lease = pool_.Do(AcquireLease{alice, session}).grant->lease;
  const TrialId trial = lease.trials[0];
  pool_.Commit(alice, session, lease, trial, 600);
  const auto loaded = store_.TakeOver();
  ASSERT_THAT(store_.Commit(loaded->generation, loaded->sequence,
                            pool_.pool.TakeEvents()),
              IsOk());
  Start();
  const std::string bytes = trial.ToString();  // as it was announced
  const Digest blob = *blobs_.Put(bytes, pool_.client.ToString());
  const auto claims = store_.FindClaims({blob});
  ASSERT_THAT(claims, IsOk());
  ASSERT_EQ(claims->front().trials.size(), 1U);
  Pass(2 * kDay);
  EXPECT_EQ(Round().removed, 1);
  ASSERT_THAT(blobs_.Put(bytes, pool_.client.ToString()), IsOk());
  ASSERT_THAT(blobs_.Put(bytes, alice.ToString()), IsOk());
  Pass(2 * kDay);
  EXPECT_EQ(Round().removed, 0);
  EXPECT_TRUE(Has(blob));
}

// Of a blob from before owners were noted nobody can tell who sent it.
TEST_F(BlobCollectorTest, ACommitmentKeepsWhatIsNotedToBeNobodys) {
  engine_.reset();
  pool_.pool.TakeEvents();
  const AccountId alice = pool_.Make("alice", Role::kMiner);
  const SessionId session = pool_.Open(alice, "w");
  pool_.Submit(TinySpec(4));
  const Lease lease = pool_.Do(AcquireLease{alice, session}).grant->lease;
  pool_.Commit(alice, session, lease, lease.trials[0], 600);
  const auto loaded = store_.TakeOver();
  ASSERT_THAT(store_.Commit(loaded->generation, loaded->sequence,
                            pool_.pool.TakeEvents()),
              IsOk());
  Start();
  const Digest blob = *blobs_.Put(lease.trials[0].ToString());
  Pass(2 * kDay);
  EXPECT_EQ(Round().removed, 0);
  EXPECT_TRUE(Has(blob));
}

// As by an upload that never comes to its end, or a task that is never opened.
TEST_F(BlobCollectorTest, NobodyKeepsWhatNothingNamesByRenewingIt) {
  const std::string bytes = "left by a kill";
  const Digest blob = *blobs_.Put(bytes);
  const auto renew = [&] {
    const std::string name = blob.ToString();
    const std::string path = absl::StrCat(directory_.path(), "/blobs/blobs/",
                                          name.substr(0, 2), "/", name);
    const timespec now = absl::ToTimespec(files_clock_.now);
    const timespec times[2] = {now, now};
    ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  };
  EXPECT_EQ(Round().removed, 0);
  Pass(kDay + absl::Hours(1));
  renew();
  EXPECT_EQ(Round().removed, 0) << "a commit may show itself";
  Pass(kDay);
  renew();
  {
    const BlobHold hold = blobs_.Hold(blob);
    EXPECT_EQ(Round().removed, 0);
  }
  is_full_ = true;
  EXPECT_FALSE(engine_->Call(ConfirmFile{pool_.client, blob, 1}).ok());
  EXPECT_EQ(Round().removed, 0) << "a commit may be in doubt";
  is_full_ = false;
  while (!engine_->Call(Tick{}).ok()) absl::SleepFor(absl::Milliseconds(10));
  GoOn();
  EXPECT_EQ(Round().removed, 1);
  EXPECT_FALSE(Has(blob));
  // What comes once more has its time once more.
  ASSERT_THAT(blobs_.Put(bytes), IsOk());
  renew();
  EXPECT_EQ(Round().removed, 0);
}

// A disk that is full keeps the database from writing, and is freed all the
// same by what needs no record.
TEST_F(BlobCollectorTest, WhatNothingNamesGoesWhileTheDatabaseWritesNothing) {
  const Digest file = Send("raw");
  const Digest left = *blobs_.Put("left by a kill");
  Pass(31 * kDay);
  is_full_ = true;
  const CollectedBlobs collected = Round();
  EXPECT_FALSE(collected.unended.ok());
  EXPECT_EQ(collected.removed, 1);
  EXPECT_FALSE(Has(left));
  EXPECT_TRUE(Has(file));
  is_full_ = false;
  while (!engine_->Call(Tick{}).ok()) absl::SleepFor(absl::Milliseconds(10));
  GoOn();
  const CollectedBlobs rest = Round();
  EXPECT_THAT(rest.unended, IsOk());
  EXPECT_EQ(rest.removed, 1);
  EXPECT_EQ(FileBytes(), 0);
}

TEST_F(BlobCollectorTest, AFullDiskDoesNotWaitForTheInterval) {
  absl::Notification had_round;
  std::atomic<bool> is_first = true;
  BlobCollector collector(
      pool_clock_, files_clock_, *engine_, store_, blobs_,
      {.retention = pool_.policy.retention,
       .interval = absl::Hours(1),
       .unclaimed_kept = kDay,
       .is_urgent = [] { return true; },
       .urgent_interval = absl::ZeroDuration(),
       .directory = directory_.path() + "/blobs",
       .on_round =
           [&](const absl::StatusOr<CollectedBlobs>& round) {
             EXPECT_THAT(round, IsOk());
             if (is_first.exchange(false)) had_round.Notify();
           }});
  collector.Start();
  had_round.WaitForNotification();
  collector.Stop();
}

// A folder that cannot be listed.
TEST_F(BlobCollectorTest, ADiskThatFailsInOnePlaceKeepsNothingElse) {
  const Digest blob = *blobs_.Put("left by a kill");
  const std::string first = directory_.path() + "/blobs/blobs/00";
  ASSERT_NE(blob.ToString().substr(0, 2), "00");
  std::filesystem::remove_all(first);
  std::ofstream(first) << "a file";
  Pass(kDay + absl::Minutes(1));
  EXPECT_EQ(Round().removed, 1);
  EXPECT_FALSE(Has(blob));
}

TEST_F(BlobCollectorTest, RunsUntilItIsStopped) {
  collector_->Start();
  collector_->Stop();
  collector_->Stop();
}

}  // namespace
}  // namespace archpool
