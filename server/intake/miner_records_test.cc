// SPDX-License-Identifier: Apache-2.0
#include "server/intake/miner_records.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/storage/memory_store.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

class MinerRecordsTest : public ::testing::Test {
 protected:
  MinerRecordsTest() {
    const AccountId miner = pool_.Make("miner", Role::kMiner);
    const SessionId session = pool_.Open(miner, "w");
    task_ = pool_.Submit(TinySpec(4));
    const auto grant = pool_.Do(AcquireLease{miner, session, {}}).grant.value();
    pool_.Deliver(miner, session, grant.lease, grant.assignments[0].trial, 600);
    pool_.Verify(600, 500);
    account_ = *pool_.pool.state().Find(miner);
    Store();
  }
  MinerRecords Read(absl::Time since, const MinerWorkers& workers) {
    auto records = ReadMinerRecords({store_, pool_.policy, pool_.now}, account_,
                                    since, workers);
    EXPECT_THAT(records, IsOk());
    return *std::move(records);
  }

  // Makes the store hold what happened since.
  void Store() {
    const auto loaded = store_.TakeOver();
    ASSERT_THAT(loaded, IsOk());
    ASSERT_THAT(store_.Commit(loaded->generation, loaded->sequence,
                              pool_.pool.TakeEvents()),
                IsOk());
  }

  TestPool pool_;
  MemoryStore store_;
  Account account_;
  TaskId task_;
};

TEST_F(MinerRecordsTest, HoldWhatTheStoreHasOfTheTimeThatIsAskedFor) {
  const MinerRecords records = Read(absl::InfinitePast(), {});
  EXPECT_EQ(records.account.id, account_.id);
  EXPECT_FALSE(records.trials.empty());
  EXPECT_EQ(records.open_tasks, 1);
  EXPECT_TRUE(records.unsettled.contains(task_)) << "more may come of it";
  EXPECT_TRUE(Read(pool_.now + absl::Hours(1), {}).trials.empty());
}

// A page of tasks has a hundred, the newest first.
TEST_F(MinerRecordsTest, CountTasksThatAreOpenBelowManyThatHaveEnded) {
  TaskSpec spec = TinySpec(4);
  spec.terms.reward = kAmountPerCoin;
  for (int i = 0; i < 120; ++i) {
    const TaskId ended = pool_.Submit(spec, absl::StrCat("ended-", i));
    pool_.Do(CancelTask{ended, pool_.client});
    pool_.Do(Tick{});
    ASSERT_EQ(pool_.pool.state().Find(ended), nullptr);
  }
  Store();
  EXPECT_EQ(Read(absl::InfinitePast(), {}).open_tasks, 1);
}

TEST_F(MinerRecordsTest, SayWhichWorkersAreSilentAndWhyOthersGotNoWork) {
  const absl::Time now = pool_.now;
  const MinerRecords records = Read(
      now,
      {.heard = {{"busy", now, "", ""},
                 {"idle", now, "NO_TASKS", "there is no task"},
                 {"gone", now - pool_.policy.silence_term - absl::Seconds(1),
                  "NO_TASKS", "there is no task"}},
       .refused = {{"old", "ARITHMETIC_UNKNOWN", "update it"}}});
  EXPECT_EQ(records.workers, 3);
  EXPECT_EQ(records.silent_workers, 1);
  ASSERT_EQ(records.refusals.size(), 2);
  EXPECT_EQ(records.refusals[0].worker_name, "idle");
  EXPECT_EQ(records.refusals[1].reason, "ARITHMETIC_UNKNOWN");
}

TEST_F(MinerRecordsTest, NameTheSilentWorkerThatIsAsked) {
  const SessionId attic = pool_.Open(account_.id, "attic");
  const auto grant =
      pool_.Do(AcquireLease{account_.id, attic, {}}).grant.value();
  const TrialId trial = grant.assignments[0].trial;
  pool_.Commit(account_.id, attic, grant.lease, trial, 600);
  Store();
  // A new miner's trials are all drawn, and it has not answered yet.
  const MinerRecords records = Read(absl::InfinitePast(), {});
  ASSERT_EQ(records.answerers.size(), 1);
  EXPECT_EQ(records.answerers[0].session, attic);
  EXPECT_EQ(records.answerers[0].worker_name, "attic");
  EXPECT_EQ(records.answerers[0].trials, 1);
  EXPECT_EQ(records.answerers[0].newest, trial);
  const HeardWorker now_heard{"attic", pool_.now, "", "", attic};
  EXPECT_TRUE(
      Read(absl::InfinitePast(), {.heard = {now_heard}}).answerers.empty())
      << "it answers by itself";
  const HeardWorker silent{
      "attic", pool_.now - pool_.policy.silence_term - absl::Seconds(1), "", "",
      attic};
  EXPECT_EQ(Read(absl::InfinitePast(), {.heard = {silent}}).answerers.size(),
            1);
}

}  // namespace
}  // namespace archpool
