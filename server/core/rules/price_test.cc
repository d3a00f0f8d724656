// SPDX-License-Identifier: Apache-2.0
// Work has a price: what pays too little is refused, workers may ask for more
// than the pool does, and leases go by price, with a part for everybody.
#include <map>
#include <string>

#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/rules/work_price.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

class PriceTest : public ::testing::Test {
 protected:
  static PoolPolicy WithPriceMin(Amount price) {
    PoolPolicy policy = AuditEverything();
    policy.price_min = price;
    return policy;
  }
  static TaskSpec Paying(Amount reward) {
    TaskSpec spec = TinySpec(64);
    spec.budget.work_units = kUnitsPerCoreHour;
    spec.terms.reward = reward;
    spec.terms.finders_bonus_ppm = 0;
    return spec;
  }
};

TEST_F(PriceTest, ATaskThatPaysTooLittleIsRefusedWithWhatItWouldTake) {
  TestPool pool(WithPriceMin(10 * kAmountPerCoin));
  const auto refused = pool.Try(
      SubmitTask{pool.client, Paying(10 * kAmountPerCoin), "r", Sha256("s")});
  EXPECT_EQ(GetReason(refused.status()), "PRICE_TOO_LOW");
  // The fee is a twentieth.
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("pays 9.5 coins a core hour"));
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("a reward of 10.526317 coins"));
  EXPECT_TRUE(
      pool.Try(SubmitTask{pool.client, Paying(10'526'317), "r", Sha256("s")})
          .ok());
}

// Opening and ending large tasks in turn is rows to write, and bought nothing.
TEST_F(PriceTest, OpeningTasksIsPaced) {
  TestPool pool;
  TaskSpec spec = TinySpec(64);
  spec.subspaces = 16'384;
  int opened = 0;
  const auto open = [&] {
    const auto task = pool.Try(SubmitTask{
        pool.client, spec, absl::StrCat("r", ++opened), Sha256("s")});
    if (task.ok()) pool.Do(CancelTask{*task, pool.client});
    return task.status();
  };
  absl::Status refused;
  while (refused.ok() && opened < 100) refused = open();
  EXPECT_EQ(opened, 8);
  EXPECT_EQ(GetReason(refused), "TASKS_TOO_OFTEN");
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("the next may be opened in 5"));
  const SetQuotas ask{.name = "client"};
  const SetQuotas::Line pace = pool.Do(ask).subspaces_opened;
  EXPECT_GT(pace.held + spec.subspaces, pace.max) << "shown as well";
  pool.now += absl::Hours(1);
  EXPECT_EQ(pool.Do(ask).subspaces_opened.held, 0);
  EXPECT_TRUE(open().ok());
}

// Before its files travel; nothing is opened, nor set aside.
TEST_F(PriceTest, ATaskIsCheckedBeforeItsDatasetIsThere) {
  TestPool pool(WithPriceMin(10 * kAmountPerCoin));
  SubmitTask command{pool.client, Paying(10 * kAmountPerCoin), "r",
                     Sha256("s")};
  command.only_check =
      pool.pool.state().FindDataset(command.spec.dataset)->manifest;
  command.spec.dataset = Sha256("not sent yet");
  EXPECT_EQ(GetReason(pool.Try(command).status()), "PRICE_TOO_LOW");
  command.spec.terms.reward = 11 * kAmountPerCoin;
  EXPECT_TRUE(pool.Try(command).ok());
  command.spec.recipe.batch_size = 1'000'000'000;
  EXPECT_EQ(GetReason(pool.Try(command).status()), "RECIPE_RANGE");
  EXPECT_TRUE(pool.pool.state().tasks().all().empty());
  command.only_check.reset();
  EXPECT_FALSE(pool.Try(command).ok());
}

TEST_F(PriceTest, AWorkerMayAskForMore) {
  TestPool pool;
  const AccountId alice = pool.Make("alice", Role::kMiner);
  const SessionId session = pool.Open(alice, "w");
  pool.Submit(Paying(10 * kAmountPerCoin));
  AcquireLease command{.caller = alice, .session = session};
  command.price_min = 10 * kAmountPerCoin;
  const AcquireLease::Reply idle = pool.Do(command);
  EXPECT_FALSE(idle.grant.has_value());
  EXPECT_EQ(idle.idle_reason, "PRICE_TOO_LOW");
  EXPECT_THAT(idle.idle_message, HasSubstr("pays 9.5 coins a core hour"));
  command.price_min = 9 * kAmountPerCoin;
  const AcquireLease::Reply lease = pool.Do(command);
  ASSERT_TRUE(lease.grant.has_value());
  EXPECT_EQ(lease.grant->price, 9'500'000);
}

// A hundred tasks for next to nothing beside one that pays: it gets what is
// left of the part that goes to all alike, and everything else.
TEST_F(PriceTest, CheapTasksTakeNoMoreThanTheirClientsShare) {
  TestPool pool;
  const AccountId poor = pool.Make("poor", Role::kClient);
  pool.Do(Deposit{"poor", kAmountPerCoin, "poor-money"});
  DatasetManifest manifest = TinyManifest();
  manifest.train = Sha256("poor's");
  pool.Do(RegisterDataset{poor, manifest, Sha256("held-out")});
  for (int i = 0; i < 30; ++i) {
    TaskSpec spec = Paying(1);
    spec.dataset = manifest.Id();
    pool.Do(SubmitTask{poor, spec, absl::StrCat("r", i), Sha256("s")});
  }
  const TaskId dear = pool.Submit(Paying(100 * kAmountPerCoin));
  WorkUnits of_dear = 0;
  WorkUnits of_all = 0;
  for (int i = 0; i < 30; ++i) {
    const AccountId miner = pool.Make(absl::StrCat("m", i), Role::kMiner);
    const auto reply = pool.Do(
        AcquireLease{.caller = miner, .session = pool.Open(miner, "w")});
    ASSERT_TRUE(reply.grant.has_value());
    WorkUnits units = 0;
    for (const TrialId trial : reply.grant->lease.trials) {
      units += pool.pool.state().Find(trial)->work_units;
    }
    of_all += units;
    of_dear += reply.grant->lease.task == dear ? units : 0;
  }
  // Nine tenths, but for what one lease more or less is.
  EXPECT_GE(of_dear * 100, of_all * 82);
  EXPECT_LT(of_dear, of_all) << "everybody has a share";
}

TEST_F(PriceTest, AClientHasSoManyOpenTasks) {
  PoolPolicy policy = AuditEverything();
  policy.open_tasks_per_client_max = 2;
  TestPool pool(policy);
  pool.Submit(Paying(kAmountPerCoin), "a");
  pool.Submit(Paying(kAmountPerCoin), "b");
  const SubmitTask third{pool.client, Paying(kAmountPerCoin), "c", Sha256("s")};
  EXPECT_EQ(GetReason(pool.Try(third).status()), "TASK_QUOTA");
  SetQuotas raise{.name = "client"};
  raise.open_tasks = 3;
  const SetQuotas::Reply raised = pool.Do(raise);
  EXPECT_EQ(raised.account.quotas.open_tasks, 3);
  EXPECT_EQ(raised.open_tasks.held, 2);
  EXPECT_EQ(raised.open_tasks.max, 3);
  EXPECT_TRUE(pool.Try(third).ok());
}

// What a client may choose is in proportion to its dataset, and what the pool's
// verifiers cannot hold is neither taken nor given out.
TEST_F(PriceTest, ATrainingHasItsProportions) {
  TestPool pool;
  const auto reason_of = [&](const TaskSpec& spec) {
    return GetReason(
        pool.Try(SubmitTask{pool.client, spec, "r", Sha256("s")}).status());
  };
  TaskSpec spec = Paying(kAmountPerCoin);
  spec.recipe.batch_size = 1'001;
  EXPECT_EQ(reason_of(spec), "RECIPE_RANGE");
  spec.recipe.batch_size = 8;
  EXPECT_EQ(reason_of(spec), "RECIPE_RANGE");
  spec = Paying(kAmountPerCoin);
  spec.recipe.segments = 17;  // of eight steps
  EXPECT_EQ(reason_of(spec), "RECIPE_RANGE");
  spec.recipe.epochs = 3;
  EXPECT_EQ(reason_of(spec), "");
}

TEST_F(PriceTest, NothingIsTrainedThatNoVerifierCanHold) {
  PoolPolicy policy = AuditEverything();
  policy.memory_max_bytes = 1'000'000;
  TestPool pool(policy);
  const absl::Status refused =
      pool.Try(
              SubmitTask{pool.client, Paying(kAmountPerCoin), "r", Sha256("s")})
          .status();
  EXPECT_EQ(GetReason(refused), "NO_POSSIBLE_ARCHITECTURE");
  EXPECT_THAT(std::string(refused.message()), HasSubstr("batches of 128 take"));
  TaskSpec small = Paying(kAmountPerCoin);
  small.recipe.batch_size = 16;
  EXPECT_TRUE(pool.Try(SubmitTask{pool.client, small, "r", Sha256("s")}).ok());
}

}  // namespace
}  // namespace archpool
