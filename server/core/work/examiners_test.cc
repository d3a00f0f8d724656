// SPDX-License-Identifier: Apache-2.0
// Nothing is taken, given out or audited that no verifier has the memory for.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "common/nas/sampling.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/pool.h"
#include "server/core/rules/network_setup.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

// Sixteen networks, of which half are too large for the small verifier.
class ExaminersTest : public ::testing::Test {
 protected:
  ExaminersTest() {
    alice = pool.Make("alice", Role::kMiner);
    alices = pool.Open(alice, "a");
    spec.trials_per_lease = 1;
    for (int64_t i = 0; i < spec.space.size(); ++i) {
      const auto candidate =
          MakeCandidate(spec.space, spec.space.ArchitectureAt(i),
                        SetupOf(spec, TinyManifest(), pool.policy));
      ARCHPOOL_CHECK(candidate.ok());
      sizes.push_back(SizeOf(candidate->plan, spec.recipe).memory_bytes);
    }
    std::vector<int64_t> sorted = sizes;
    std::sort(sorted.begin(), sorted.end());
    median = sorted[7];
    fitting = std::count_if(sizes.begin(), sizes.end(),
                            [&](int64_t size) { return size <= median; });
  }
  bool Fits(const Architecture& architecture) const {
    return sizes[static_cast<size_t>(spec.space.RankOf(architecture))] <=
           median;
  }
  // The program and the dataset count for half at most.
  std::optional<AuditGrant> TakeSmall() {
    return pool.Do(AcquireAudit{.caller = pool.verifier,
                                .verifier_name = "small",
                                .memory_bytes = 2 * median});
  }
  std::optional<AuditGrant> TakeLarge() {
    return pool.Do(AcquireAudit{pool.verifier, "large"});
  }
  void Clear(const AuditGrant& grant) {
    pool.Do(ReportAudit{pool.verifier, grant.audit.id, grant.audit.attempt,
                        grant.audit.verifier_name, WeightsMeasured{700, 700}});
  }
  AcquireLease::Reply Ask() { return pool.Do(AcquireLease{alice, alices}); }
  // The next network is trained, and its audit waits.
  Architecture Train() {
    const auto grant = Ask().grant;
    ARCHPOOL_CHECK(grant.has_value());
    pool.Deliver(alice, alices, grant->lease, grant->assignments[0].trial, 700);
    return grant->assignments[0].architecture;
  }

  TestPool pool;
  TaskSpec spec = TinySpec(4);
  std::vector<int64_t> sizes;
  int64_t median = 0;
  int64_t fitting = 0;
  AccountId alice;
  SessionId alices;
};

TEST_F(ExaminersTest, NothingIsGivenOutThatNoneHolds) {
  const TaskId task = pool.Submit(spec);
  EXPECT_FALSE(TakeSmall().has_value());
  for (int64_t i = 0; i < fitting; ++i) {
    EXPECT_TRUE(Fits(Train()));
    const auto grant = TakeSmall();
    ASSERT_TRUE(grant.has_value());
    Clear(*grant);
  }
  const AcquireLease::Reply idle = Ask();
  EXPECT_EQ(idle.idle_reason, "TOO_LARGE_TO_VERIFY");
  EXPECT_THAT(idle.idle_message, testing::HasSubstr("the pool's verifiers"));
  EXPECT_NE(pool.pool.state().Find(task), nullptr) << "one may come";
  EXPECT_FALSE(TakeLarge().has_value());
  EXPECT_FALSE(Fits(Train()));
}

TEST_F(ExaminersTest, AnAuditGoesToOneThatHoldsIt) {
  pool.Submit(spec);
  EXPECT_FALSE(TakeLarge().has_value());
  for (size_t i = 0; i < sizes.size(); ++i) Train();
  int64_t small = 0;
  while (const auto grant = TakeSmall()) {
    EXPECT_TRUE(Fits(grant->trial.architecture));
    Clear(*grant);
    ++small;
  }
  EXPECT_EQ(small, fitting);
  const auto grant = TakeLarge();
  ASSERT_TRUE(grant.has_value());
  EXPECT_FALSE(Fits(grant->trial.architecture));
}

// One that cannot examine it is none to wait for.
TEST_F(ExaminersTest, WhatNoneHoldsIsDecidedInTime) {
  pool.Submit(spec);
  for (size_t i = 0; i < sizes.size(); ++i) Train();
  const absl::Time end =
      pool.now + pool.policy.audit_wait_term + absl::Minutes(20);
  while (pool.now < end) {
    if (const auto grant = TakeSmall()) Clear(*grant);
    pool.Advance(absl::Minutes(1));
  }
  EXPECT_TRUE(pool.pool.state().audits().all().empty());
}

TEST_F(ExaminersTest, ATaskThatNoneHoldsIsRefused) {
  pool.Do(AcquireAudit{
      .caller = pool.verifier, .verifier_name = "tiny", .memory_bytes = 1'000});
  const SubmitTask submission{pool.client, spec, "r1", Sha256("secret")};
  EXPECT_THAT(pool.Try(submission), FailsWith("NO_POSSIBLE_ARCHITECTURE"));
  EXPECT_FALSE(TakeSmall().has_value());
  EXPECT_TRUE(pool.Try(submission).ok());
}

}  // namespace
}  // namespace archpool
