// SPDX-License-Identifier: Apache-2.0
#include "server/intake/miner_records.h"

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
    const auto loaded = store_.TakeOver();
    EXPECT_THAT(loaded, IsOk());
    EXPECT_THAT(store_.Commit(loaded->generation, loaded->sequence,
                              pool_.pool.TakeEvents()),
                IsOk());
  }
  MinerRecords Read(absl::Time since, const MinerWorkers& workers) {
    auto records = ReadMinerRecords({store_, pool_.policy, pool_.now}, account_,
                                    since, workers);
    EXPECT_THAT(records, IsOk());
    return *std::move(records);
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

}  // namespace
}  // namespace archpool
