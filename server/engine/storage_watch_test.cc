// SPDX-License-Identifier: Apache-2.0
#include "server/engine/storage_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

#include "server/storage/memory_store.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

class TestClock : public Clock {
 public:
  absl::Time Now() const override { return now; }
  absl::Time now = absl::UnixEpoch();
};

// A pool that has asked for an answer, and a watch that the test lets look.
class StorageWatchTest : public testing::Test {
 protected:
  StorageWatchTest() {
    alice = pool.Make("alice", Role::kMiner);
    const SessionId session = pool.Open(alice, "w1");
    pool.Submit(TinySpec(4));
    const Lease lease = pool.Do(AcquireLease{alice, session}).grant->lease;
    trial = lease.trials[0];
    pool.Commit(alice, session, lease, trial, 700);
    const auto loaded = store.TakeOver();
    EXPECT_THAT(store.Commit(loaded->generation, loaded->sequence,
                             pool.pool.TakeEvents()),
                IsOk());
    EXPECT_THAT(engine.Start(), IsOk());
    // What passed until it was loaded is added by the first tick.
    EXPECT_THAT(engine.Call(Tick{}), IsOk());
    asked_at_first = ExpireTime();
  }
  absl::Time ExpireTime() {
    // The engine has done what was submitted before.
    const std::string name = absl::StrCat("m", ++accounts);
    EXPECT_THAT(engine.Call(CreateAccount{name, Role::kMiner, Sha256(name)}),
                IsOk());
    return *store.GetOpenAudit(trial)->expire_time;
  }
  absl::Duration Given() { return ExpireTime() - asked_at_first; }
  void Fail() { errors.Note(StorageError("write", "/data/x", ENOSPC)); }
  void LookFor(absl::Duration duration) {
    for (; duration > absl::ZeroDuration(); duration -= absl::Seconds(1)) {
      clock.now += absl::Seconds(1);
      watch.Look();
    }
  }

  TestPool pool;
  AccountId alice;
  TrialId trial;
  int accounts = 0;
  MemoryStore store;
  // Stands still: the engine adds nothing of its own.
  SteadyClock engine_clock{
      {[this] { return pool.now; }, [] { return absl::ZeroDuration(); }}};
  Engine engine{engine_clock, store, pool.policy, EngineOptions()};
  TestClock clock;
  StorageErrors errors;
  absl::Status disk;
  std::vector<bool> changes;
  std::vector<AccountId> fillers;  // once the engine has done what it had to
  StorageWatch watch{
      clock,
      engine,
      errors,
      [this] { return disk; },
      {.period = absl::Seconds(10),
       .grace = absl::Seconds(60),
       .on_change = [this](bool is_failing) { changes.push_back(is_failing); },
       .on_fillers =
           [this](const std::vector<AccountId>& heard) { fillers = heard; }}};
  absl::Time asked_at_first;
};

TEST_F(StorageWatchTest, GivesNothingWhereNothingFails) {
  LookFor(absl::Minutes(10));
  EXPECT_EQ(Given(), absl::ZeroDuration());
  EXPECT_THAT(changes, testing::IsEmpty());
}

TEST_F(StorageWatchTest, GivesTimeWithTheFirstRefusal) {
  Fail();
  watch.Look();
  EXPECT_EQ(Given(), absl::Seconds(10));
}

TEST_F(StorageWatchTest, GivesTheTimeInWhichTheDiskFails) {
  disk = StorageError("write", "/data/probe", ENOSPC);
  Fail();
  LookFor(absl::Minutes(10));  // nobody else tries
  EXPECT_GE(Given(), absl::Minutes(10));
  EXPECT_LE(Given(), absl::Minutes(10) + absl::Seconds(10));
  EXPECT_THAT(changes, testing::ElementsAre(true));
  disk = absl::OkStatus();
  LookFor(absl::Minutes(5));
  EXPECT_LE(Given(), absl::Minutes(10) + absl::Seconds(90));
  EXPECT_GE(Given(), absl::Minutes(10) + absl::Seconds(60));
  EXPECT_THAT(changes, testing::ElementsAre(true, false));
}

TEST_F(StorageWatchTest, HasACapForEachAnswer) {
  for (int i = 0; i < 20'000; ++i) {
    Fail();
    LookFor(absl::Seconds(10));
    if (i % 50 == 0) Given();  // the engine keeps up
  }
  EXPECT_EQ(Given(), pool.policy.refused_time_max);
}

TEST_F(StorageWatchTest, GivesNothingToWhoFilledTheDisk) {
  for (const char* name : {"alice", "client"}) {
    ASSERT_THAT(engine.Call(SetQuotas{.name = name, .group = "smith"}), IsOk());
  }
  ASSERT_THAT(
      engine.Call(ConfirmFile{pool.client, Sha256("x"), int64_t{2} << 30}),
      IsOk());
  Fail();
  watch.Look();
  EXPECT_EQ(Given(), absl::ZeroDuration());
  EXPECT_THAT(fillers, testing::ElementsAre(alice));
  LookFor(absl::Minutes(1));
  EXPECT_THAT(changes, testing::ElementsAre(true, false));
  EXPECT_EQ(Given(), absl::ZeroDuration()) << "nor once it can be used again";
  errors.Note(StorageError("write", "/data/x", EIO));
  watch.Look();
  EXPECT_EQ(Given(), absl::Seconds(10)) << "a broken disk is nobody's doing";
}

TEST(StorageErrorsTest, TellsAFullDiskFromOthers) {
  StorageErrors errors;
  errors.Note(StorageError("write", "/data/x", EIO));
  EXPECT_EQ(errors.full_count(), 0);
  errors.Note(StorageError("write", "/data/x", EDQUOT));
  EXPECT_EQ(errors.full_count(), 1);
  EXPECT_EQ(errors.count(), 2);
}

TEST(StorageErrorsTest, APeerIsToldNoPath) {
  for (const int error : {ENOSPC, EMFILE, ENOTDIR, EACCES, EIO}) {
    const absl::Status status = StorageError("write", "/data/secret", error);
    EXPECT_TRUE(absl::IsUnavailable(status));
    EXPECT_EQ(status.message().find("/data"), absl::string_view::npos);
    EXPECT_NE(StorageDetail(status).find("/data/secret"), std::string::npos);
  }
  EXPECT_EQ(StorageDetail(absl::OkStatus()), "");
}

}  // namespace
}  // namespace archpool
