// SPDX-License-Identifier: Apache-2.0
// A pool with one miner at one task: what befalls its trials is asked of the
// core itself. Header only.
#ifndef ARCHPOOL_TESTS_SUPPORT_LONE_MINER_FIXTURE_H_
#define ARCHPOOL_TESTS_SUPPORT_LONE_MINER_FIXTURE_H_

#include <cstddef>

#include "gtest/gtest.h"
#include "tests/support/pool_fixture.h"

namespace archpool {

class LoneMinerTest : public ::testing::Test {
 protected:
  explicit LoneMinerTest(const PoolPolicy& policy = AuditEverything())
      : pool(policy), alice(pool.Make("alice", Role::kMiner)) {
    session = pool.Open(alice, "w1");
    TaskSpec spec = TinySpec(4);
    spec.budget.time_limit = absl::Hours(200);
    task = pool.Submit(spec);
    lease = pool.Do(AcquireLease{alice, session}).grant->lease;
  }

  const PoolState& state() const { return pool.pool.state(); }
  // Of the lease's trial at that place.
  const Audit& AuditOf(size_t i) {
    return *state().Find(state().audits().Of(lease.trials[i]));
  }
  void Commit(size_t i) {
    pool.Commit(alice, session, lease, lease.trials[i], 700);
  }

  TestPool pool;
  AccountId alice;
  SessionId session;
  TaskId task;
  Lease lease;
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_LONE_MINER_FIXTURE_H_
