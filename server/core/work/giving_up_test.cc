// SPDX-License-Identifier: Apache-2.0
// A task that begins to finish gives up what is not begun, in as many steps as
// it takes, and it makes no difference how many those are.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/core/pool.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

constexpr int kMiners = 6;

class GivingUpTest : public testing::Test {
 protected:
  GivingUpTest() : pool(Policy()) {
    TaskSpec spec = TinySpec(40);
    spec.subspaces = 8;
    spec.trials_per_lease = 4;
    task = pool.Submit(spec);
    for (int i = 0; i < kMiners; ++i) {
      const AccountId miner = pool.Make(absl::StrCat("m", i), Role::kMiner);
      const SessionId session = pool.Open(miner, "w");
      const auto reply = pool.Do(AcquireLease{miner, session});
      ARCHPOOL_CHECK(reply.grant.has_value());
      const Lease& lease = reply.grant->lease;
      leases.push_back(lease.id);
      if (i == 0) pool.Commit(miner, session, lease, lease.trials[0], 700);
    }
  }
  static PoolPolicy Policy() {
    PoolPolicy policy = AuditEverything();
    policy.list_ahead = 3;
    return policy;
  }
  bool IsGivingUp(const Pool& one) const {
    return one.state().IndexOf(task).memory.given_up_to.has_value();
  }

  TestPool pool;
  TaskId task;
  std::vector<LeaseId> leases;
};

TEST_F(GivingUpTest, StepsAndKillsBetweenThemChangeNothing) {
  const PoolSnapshot before = pool.pool.state().Snapshot();
  const ExpiryHold hold = pool.pool.expiry_hold();
  Pool at_once(pool.policy, before, hold);
  ASSERT_TRUE(at_once.Execute(CancelTask{task, {}}, pool.now).ok());
  ASSERT_FALSE(IsGivingUp(at_once));
  ASSERT_TRUE(at_once.Execute(Tick{}, pool.now).ok());
  PoolPolicy policy = pool.policy;
  policy.settle_trials_max = 1;
  for (const bool is_killed : {false, true}) {
    Pool stepwise(policy, before, hold);
    ASSERT_TRUE(stepwise.Execute(Tick{}, pool.now).ok());
    ASSERT_TRUE(stepwise.Execute(CancelTask{task, {}}, pool.now).ok());
    // The more often it is killed, the more it may do before.
    int64_t steps = 1;
    for (; IsGivingUp(stepwise); ++steps) {
      ASSERT_LT(steps, 100);
      if (is_killed && steps % 3 == 0) {
        policy.settle_trials_max *= 2;
        stepwise = Pool(policy, stepwise.state().Snapshot(), hold);
      }
      EXPECT_TRUE(stepwise.Execute(Tick{}, pool.now)->settles ||
                  !IsGivingUp(stepwise));
    }
    EXPECT_GE(steps, 3);
    EXPECT_TRUE(stepwise.state().Snapshot().records ==
                at_once.state().Snapshot().records);
  }
}

TEST_F(GivingUpTest, NothingIsSettledBefore) {
  pool.policy.settle_trials_max = 1;
  pool.pool =
      Pool(pool.policy, pool.pool.state().Snapshot(), pool.pool.expiry_hold());
  pool.Do(Tick{});
  EXPECT_EQ(pool.Do(CancelTask{task, {}}), TaskState::kFinishing);
  EXPECT_TRUE(IsGivingUp(pool.pool));
  EXPECT_TRUE(ReadyToSettle(pool.pool.state()).empty());
  while (pool.Do(Tick{}).settles) {
  }
  EXPECT_FALSE(IsGivingUp(pool.pool));
  for (const LeaseId lease : leases) {
    const Lease* kept = pool.pool.state().Find(lease);
    ASSERT_NE(kept, nullptr) << "its worker is at something";
    int assigned = 0;
    for (const TrialId trial : kept->trials) {
      const TrialState state = pool.pool.state().Find(trial)->state;
      assigned += state == TrialState::kAssigned ? 1 : 0;
    }
    EXPECT_EQ(assigned, 1);
  }
}

}  // namespace
}  // namespace archpool
