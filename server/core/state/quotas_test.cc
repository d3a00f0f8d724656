// SPDX-License-Identifier: Apache-2.0
// Nothing that an account can take is free to take again and again.
#include "server/core/state/quotas.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

class QuotasTest : public ::testing::Test {
 protected:
  QuotasTest()
      : alice_(pool_.Make("alice", Role::kMiner)),
        session_(pool_.Open(alice_, "w")) {}

  AcquireLease::Reply Ask() {
    return pool_.Do(AcquireLease{.caller = alice_, .session = session_});
  }
  void GiveBack(const Lease& lease) {
    pool_.Do(ReleaseLease{alice_, session_, lease.id, lease.attempt});
  }

  TestPool pool_;
  AccountId alice_;
  SessionId session_;
};

TEST_F(QuotasTest, WhoeverGivesUpLeaseAfterLeaseWaitsLongerEachTime) {
  pool_.Submit(TinySpec(16));
  int taken = 0;
  for (int i = 0; i < 50; ++i) {
    const AcquireLease::Reply reply = Ask();
    if (!reply.grant) {
      EXPECT_EQ(reply.idle_reason, "LEASES_GIVEN_UP");
      EXPECT_THAT(reply.idle_message, ::testing::HasSubstr("in 1s"));
      break;
    }
    ++taken;
    GiveBack(reply.grant->lease);
  }
  EXPECT_EQ(taken, 5);
  // Within ten minutes of nothing else than this, some ten more.
  for (int i = 0; i < 600; ++i) {
    pool_.now += absl::Seconds(1);
    const AcquireLease::Reply reply = Ask();
    if (!reply.grant) continue;
    ++taken;
    GiveBack(reply.grant->lease);
  }
  EXPECT_LE(taken, 16);
}

TEST_F(QuotasTest, WhatIsTakenUpAgainIsTheSameTrial) {
  pool_.Submit(TinySpec(16));
  std::set<TrialId> trials;
  for (int i = 0; i < 4; ++i) {
    const AcquireLease::Reply reply = Ask();
    ASSERT_TRUE(reply.grant.has_value());
    for (const TrialId trial : reply.grant->lease.trials) trials.insert(trial);
    GiveBack(reply.grant->lease);
  }
  EXPECT_EQ(trials.size(), 2u);
}

// Machines that go down together are one event.
TEST_F(QuotasTest, LeasesLostTogetherCountOnce) {
  TaskSpec spec = TinySpec(16);
  spec.subspaces = 16;
  pool_.Submit(spec);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 4; ++i) {
      const SessionId session = pool_.Open(alice_, absl::StrCat("w", i));
      ASSERT_TRUE(pool_.Do(AcquireLease{.caller = alice_, .session = session})
                      .grant.has_value());
    }
    pool_.Advance(3 * pool_.policy.silence_term);
    EXPECT_EQ(pool_.pool.state().Find(alice_)->give_ups, 2 * (round + 1));
  }
}

TEST_F(QuotasTest, WorkersThatRegisterInALoopAreSlowedDown) {
  absl::Status refused;
  int opened = 0;
  for (; opened < 1'000 && refused.ok(); ++opened) {
    refused = pool_.Try(OpenSession{alice_, "w", 1}).status();
  }
  EXPECT_EQ(GetReason(refused), "SESSIONS_TOO_OFTEN");
  EXPECT_LT(opened, 100);
  const SetQuotas ask{.name = "alice"};
  const SetQuotas::Line pace = pool_.Do(ask).sessions_opened;
  EXPECT_EQ(pace.held, pace.max) << "shown as well";
  pool_.now += absl::Hours(1);
  EXPECT_EQ(pool_.Do(ask).sessions_opened.held, 0);
  EXPECT_TRUE(pool_.Try(OpenSession{alice_, "w", 1}).ok());
  EXPECT_EQ(pool_.Do(ask).sessions_opened.held, 1);
}

// Where somebody proven works, all others together hold a quarter of the
// budget's units at most.
TEST_F(QuotasTest, TheUnprovenShareAQuarterOfATask) {
  TaskSpec spec = TinySpec(64);
  spec.subspaces = 64;
  const TaskId task = pool_.Submit(spec);
  const AcquireLease::Reply first = Ask();
  ASSERT_TRUE(first.grant.has_value());
  const WorkUnits each =
      pool_.pool.state().Find(first.grant->lease.trials[0])->work_units;
  GiveBack(first.grant->lease);
  pool_.Do(CancelTask{task, {}});
  spec.budget.work_units = 40 * each;
  const TaskId second = pool_.Submit(spec, "r2");

  const auto take_all = [&](const std::string& prefix) {
    std::string reason;
    for (int i = 0; i < 40 && reason.empty(); ++i) {
      const AccountId miner = pool_.Make(absl::StrCat(prefix, i), Role::kMiner);
      const AcquireLease::Reply reply = pool_.Do(
          AcquireLease{.caller = miner, .session = pool_.Open(miner, "w")});
      reason = reply.idle_reason;
    }
    return reason;
  };
  // Alone among themselves they may have all of it.
  EXPECT_EQ(take_all("a"), "BUDGET_RESERVED");
  pool_.Do(CancelTask{second, {}});

  Account proven = *pool_.pool.state().Find(alice_);
  proven.trials_accepted = kProvenTrials;
  proven.performance.last_commit_time = pool_.now;
  PoolSnapshot snapshot = pool_.pool.state().Snapshot();
  for (Event& record : snapshot.records) {
    auto* account = std::get_if<Account>(&record);
    if (account != nullptr && account->id == alice_) *account = proven;
  }
  pool_.pool = Pool(pool_.policy, snapshot, pool_.pool.expiry_hold());
  const TaskId third = pool_.Submit(spec, "r3");
  EXPECT_EQ(take_all("b"), "UNPROVEN_SHARE");
  EXPECT_LE(pool_.pool.state().IndexOf(third).tally.reserved_units, 10 * each);
  EXPECT_TRUE(Ask().grant.has_value());
}

// Where nobody is proven, one account is not to hold it all before others come
// to anything: leases are cheap.
TEST_F(QuotasTest, OfFourNewcomersNobodyHoldsMoreThanAQuarter) {
  TaskSpec spec = TinySpec(64);
  spec.subspaces = 64;
  const TaskId task = pool_.Submit(spec);
  const AcquireLease::Reply first = Ask();
  ASSERT_TRUE(first.grant.has_value());
  const WorkUnits most = [&] {
    WorkUnits all = 0;
    for (const TrialId trial : first.grant->lease.trials) {
      all += pool_.pool.state().Find(trial)->work_units;
    }
    return all;
  }();
  GiveBack(first.grant->lease);
  pool_.Do(CancelTask{task, {}});
  spec.budget.work_units = 4 * most;
  const TaskId second = pool_.Submit(spec, "r2");
  const auto take_all = [&] {
    std::string reason;
    for (int i = 0; reason.empty(); ++i) {
      reason = pool_
                   .Do(AcquireLease{
                       .caller = alice_,
                       .session = pool_.Open(alice_, absl::StrCat("many", i))})
                   .idle_reason;
    }
    return reason;
  };
  for (int i = 0; i < 3; ++i) {
    pool_.Open(pool_.Make(absl::StrCat("other", i), Role::kMiner), "w");
  }
  EXPECT_EQ(take_all(), "UNPROVEN_SHARE");
  EXPECT_LE(pool_.pool.state().IndexOf(second).tally.reserved_units, 2 * most);
}

}  // namespace
}  // namespace archpool
