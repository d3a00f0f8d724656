// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/looks.h"

#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/endless_space.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/random_spec.h"

namespace archpool {
namespace {

TEST(LayersAtMostTest, NoPlanHasMore) {
  CounterRng rng(1, 0);
  for (int i = 0; i < 300; ++i) {
    const SearchSpace space = RandomSpec(rng, Digest()).space;
    const auto plan =
        MakeLayerPlan(space,
                      space.ArchitectureAt(static_cast<int64_t>(
                          rng.Below64(static_cast<uint64_t>(space.size())))),
                      {1, 32, 32}, 10, {});
    if (!plan.ok()) continue;
    EXPECT_LE(std::ssize(plan->layers), LayersAtMost(space));
  }
}

class LooksTest : public testing::Test {
 protected:
  LooksTest() {
    alice = pool.Make("alice", Role::kMiner);
    alices = pool.Open(alice, "w1");
  }
  TaskId SubmitEndless(int number) {
    TaskSpec spec = EndlessSpec();
    spec.terms.reward = kAmountPerCoin;
    return pool.Submit(spec, absl::StrCat("endless-", number));
  }
  // How many looks found nothing, in what is open.
  int64_t Looked() const {
    int64_t looked = 0;
    for (const auto& [id, task] : pool.pool.state().tasks().all()) {
      for (const auto& [box, walk] :
           pool.pool.state().IndexOf(id).memory.walks) {
        looked += walk.looked;
      }
    }
    return looked;
  }
  AcquireLease::Reply Ask() { return pool.Do(AcquireLease{alice, alices}); }

  TestPool pool;
  AccountId alice;
  SessionId alices;
};

TEST_F(LooksTest, ARequestLooksIntoNoMoreThanItMay) {
  for (int i = 0; i < 4; ++i) SubmitEndless(i);
  const int64_t looks_max = Looks().Left(EndlessSpec().space);
  int64_t before = 0;
  for (int i = 0; i < 40; ++i) {
    const AcquireLease::Reply reply = Ask();
    EXPECT_FALSE(reply.grant.has_value());
    const int64_t after = Looked();
    EXPECT_LE(after - before, looks_max);
    before = after;
  }
  EXPECT_GT(before, 20 * looks_max / 2) << "each goes on where the last ended";
}

// Ten thousands of architectures are examined, over many requests, and then
// never again.
TEST_F(LooksTest, ATaskWithoutAPossibleNetworkEnds) {
  const TaskId task = SubmitEndless(0);
  int asked = 0;
  while (pool.pool.state().Find(task) != nullptr) {
    ASSERT_LT(++asked, 1'000);
    Ask();
  }
  EXPECT_GT(asked, 20) << "or one request looked into it all";
  EXPECT_EQ(Ask().idle_reason, "NO_OPEN_TASK");
}

TEST_F(LooksTest, WhoSearchesInVainHoldsUpNobody) {
  for (int i = 0; i < 30; ++i) SubmitEndless(i);
  TaskSpec spec = TinySpec(64);
  spec.subspaces = 32;
  const TaskId honest = pool.Submit(spec, "honest");
  int in_vain = 0;
  for (int i = 0; i < 24; ++i) {
    AcquireLease::Reply reply = Ask();
    if (!reply.grant) {
      ++in_vain;
      continue;
    }
    EXPECT_EQ(reply.grant->lease.task, honest);
    for (const TrialId trial : reply.grant->lease.trials) {
      pool.Deliver(alice, alices, reply.grant->lease, trial, 700);
    }
    pool.VerifyAll();
  }
  EXPECT_LE(in_vain, 4);
}

// What became free again is found, although the box had been gone through.
TEST_F(LooksTest, WhatIsFreeAgainIsFound) {
  TaskSpec spec = TinySpec(1);  // four networks
  spec.subspaces = 1;
  spec.trials_per_lease = 4;
  pool.Submit(spec);
  const AccountId bob = pool.Make("bob", Role::kMiner);
  const SessionId bobs = pool.Open(bob, "w1");
  const auto grant = Ask().grant;
  ASSERT_TRUE(grant.has_value());
  EXPECT_FALSE(pool.Do(AcquireLease{bob, bobs}).grant.has_value());
  pool.Do(ReleaseLease{alice, alices, grant->lease.id, grant->lease.attempt});
  EXPECT_TRUE(pool.Do(AcquireLease{bob, bobs}).grant.has_value());
}

}  // namespace
}  // namespace archpool
