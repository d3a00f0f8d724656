// SPDX-License-Identifier: Apache-2.0
// A task keeps the cost table that it was opened under: what its trials are
// paid for, and what is settled, is the same after an upgrade to a server with
// a newer table.
#include <string>
#include <vector>

#include "common/nas/cost_table.h"
#include "common/nas/pricing.h"
#include "common/nas/sampling.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/rules/network_setup.h"
#include "server/core/rules/work_price.h"
#include "server/core/upgrade.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

PoolSnapshot WithTable(PoolSnapshot snapshot, int64_t version) {
  for (Event& event : snapshot.records) {
    if (auto* task = std::get_if<Task>(&event)) {
      task->cost_table_version = version;
    }
  }
  return snapshot;
}

// A pool whose task was opened under a table, and two miners who work for it.
class Life {
 public:
  explicit Life(int64_t version)
      : alice_(pool_.Make("alice", Role::kMiner)),
        bob_(pool_.Make("bob", Role::kMiner)),
        alices_(pool_.Open(alice_, "a")),
        bobs_(pool_.Open(bob_, "b")) {
    TaskSpec spec = TinySpec(30);
    spec.recipe.batch_size = 16;
    spec.recipe.epochs = 2;
    spec.recipe.further_epochs = {8};
    spec.budget.work_units = kWorkUnitsMax;
    spec.subspaces = 1;
    spec.trials_per_lease = 1;
    task_ = pool_.Submit(spec);
    Restart(version);
  }

  // As a server finds it that starts; of another release where the version
  // changes.
  void Restart(int64_t version) {
    const PoolSnapshot snapshot =
        WithTable(pool_.pool.state().Snapshot(), version);
    ASSERT_THAT(CheckRecords(snapshot), IsOk());
    pool_.pool = Pool(pool_.policy, snapshot);
    pool_.Do(UpgradeRecords{});
  }
  void Restart() { Restart(task().cost_table_version); }

  const Task& task() const { return *pool_.pool.state().Find(task_); }

  // Each miner works off a lease.
  void Work() {
    for (const auto& [miner, session] :
         {std::pair(alice_, alices_), std::pair(bob_, bobs_)}) {
      const auto grant = pool_.Do(AcquireLease{miner, session}).grant;
      ASSERT_TRUE(grant.has_value());
      for (const TrialId id : grant->lease.trials) {
        Note(*pool_.pool.state().Find(id));
        pool_.Deliver(miner, session, grant->lease, id, 500 + ++claimed_);
      }
      pool_.VerifyAll();
    }
  }
  void Rank(int64_t rank) {
    pool_.Do(RankCandidates{
        .task = task_,
        .candidates = {task().spec->space.ArchitectureAt(rank)}});
  }
  void End() {
    pool_.Do(CancelTask{task_, pool_.client});
    pool_.VerifyAll();
    pool_.Advance(absl::Minutes(10));
    ASSERT_EQ(pool_.pool.state().Find(task_), nullptr);
  }

  std::vector<Amount> Balances() const {
    std::vector<Amount> balances;
    for (const AccountId account : {pool_.client, alice_, bob_}) {
      balances.push_back(
          pool_.pool.state().money().BalanceOf(Place::Of(account)));
    }
    return balances;
  }
  const std::vector<WorkUnits>& units() const { return units_; }
  int promoted() const { return promoted_; }

 private:
  // By the table of its task.
  void Note(const Trial& trial) {
    const TaskSpec& spec = *task().spec;
    const DatasetManifest manifest = TinyManifest();
    const auto candidate = MakeCandidate(spec.space, trial.architecture,
                                         SetupOfKnown(task(), manifest));
    ASSERT_THAT(candidate, IsOk());
    EXPECT_EQ(trial.work_units,
              TrialWorkUnits(candidate->plan, manifest.train_count,
                             EpochsOf(spec.recipe, trial),
                             manifest.validation_count));
    units_.push_back(trial.work_units);
    promoted_ += trial.rung > 0 ? 1 : 0;
  }

  TestPool pool_;
  AccountId alice_, bob_;
  SessionId alices_, bobs_;
  TaskId task_;
  std::vector<WorkUnits> units_;
  int64_t claimed_ = 0;
  int promoted_ = 0;
};

// Networks that were sampled, ranked, and promoted to the next rung.
Life Lived(int64_t version, bool restarts) {
  Life life(version);
  for (int round = 0; round < 6; ++round) {
    life.Work();
    if (restarts) life.Restart();
    life.Rank(7 * round + 3);
  }
  return life;
}

TEST(CostUpgradeTest, AnOpenTaskSettlesToTheSameBalancesAcrossTheUpgrade) {
  Life without = Lived(1, false);
  Life with = Lived(1, true);
  EXPECT_EQ(with.units(), without.units());
  EXPECT_GT(with.promoted(), 0);
  without.End();
  with.End();
  EXPECT_EQ(with.Balances(), without.Balances());
}

TEST(CostUpgradeTest, TheTablesDiffer) {
  EXPECT_NE(Lived(1, false).units(), Lived(2, false).units());
}

TEST(CostUpgradeTest, ANewTaskIsOpenedUnderTheNewestTable) {
  TestPool pool;
  const TaskId task = pool.Submit(TinySpec(3));
  EXPECT_EQ(pool.pool.state().Find(task)->cost_table_version,
            kCostTableVersion);
}

TEST(CostUpgradeTest, ATaskOfAnUnknownTableIsNotGoneOnWith) {
  TestPool pool;
  pool.Submit(TinySpec(3));
  const PoolSnapshot snapshot = pool.pool.state().Snapshot();
  EXPECT_THAT(CheckRecords(snapshot), IsOk());
  for (const int64_t version : {int64_t{0}, kCostTableVersion + 1}) {
    EXPECT_THAT(CheckRecords(WithTable(snapshot, version)),
                FailsWith("COST_TABLE_UNKNOWN"));
  }
}

}  // namespace
}  // namespace archpool
