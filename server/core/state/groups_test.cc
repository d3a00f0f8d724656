// SPDX-License-Identifier: Apache-2.0
// Accounts that an operator holds for one person's have together what one may
// have, and prove nothing to each other.
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/state/quotas.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/verifiers_fixture.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

PoolPolicy OnLittleTrust() {
  PoolPolicy policy = AuditEverything();
  policy.leases_on_trust = 2;
  policy.open_sessions_per_account_max = 8;
  policy.open_tasks_per_client_max = 3;
  return policy;
}

// A client beside the pool's first, with a dataset of its own.
struct SecondClient {
  explicit SecondClient(TestPool& pool)
      : id(pool.Make("second", Role::kClient)) {
    pool.Do(Deposit{"second", 500 * kAmountPerCoin, "more"});
    manifest.train = Sha256("another");
    pool.Do(RegisterDataset{id, manifest, Sha256("held-out")});
  }
  TaskSpec Its(TaskSpec spec) const {
    spec.dataset = manifest.Id();
    return spec;
  }

  DatasetManifest manifest = TinyManifest();
  AccountId id;
};

class GroupsTest : public ::testing::Test {
 protected:
  GroupsTest()
      : alice_(pool_.Make("alice", Role::kMiner)),
        bob_(pool_.Make("bob", Role::kMiner)) {}

  SetQuotas::Reply Group(const std::string& name, const std::string& group) {
    return pool_.Do(SetQuotas{.name = name, .group = group});
  }
  AcquireLease::Reply Ask(AccountId miner, const std::string& worker) {
    return pool_.Do(
        AcquireLease{.caller = miner, .session = pool_.Open(miner, worker)});
  }
  TaskSpec ManyBoxes() const {
    TaskSpec spec = TinySpec(64);
    spec.subspaces = 64;
    return spec;
  }

  TestPool pool_{OnLittleTrust()};
  AccountId alice_;
  AccountId bob_;
};

TEST_F(GroupsTest, ShareTheLeasesOfOne) {
  pool_.Submit(ManyBoxes());
  Group("alice", "smith");
  Group("bob", "smith");
  ASSERT_TRUE(Ask(alice_, "a").grant.has_value());
  ASSERT_TRUE(Ask(bob_, "a").grant.has_value());
  const AcquireLease::Reply refused = Ask(bob_, "b");
  EXPECT_EQ(refused.idle_reason, "LEASES_ON_TRUST");
  EXPECT_THAT(refused.idle_message, HasSubstr("of its group"));
  EXPECT_EQ(Ask(alice_, "b").idle_reason, "LEASES_ON_TRUST");
  const SetQuotas::Reply shown = pool_.Do(SetQuotas{.name = "bob"});
  EXPECT_EQ(shown.account.group, "smith") << "what is not named stays";
  EXPECT_EQ(shown.leases.held, 1);
  EXPECT_EQ(shown.leases.max, 1) << "alice has the other one";

  // What an operator allows one of them they have together.
  pool_.Do(SetQuotas{.name = "bob", .leases = 3});
  EXPECT_TRUE(Ask(bob_, "b").grant.has_value());
  EXPECT_EQ(Ask(bob_, "c").idle_reason, "LEASES_ON_TRUST");
  pool_.Do(SetQuotas{.name = "bob", .leases = 0});

  EXPECT_EQ(Group("bob", "").account.group, "");
  EXPECT_TRUE(Ask(alice_, "b").grant.has_value()) << "bob is alone again";
}

TEST_F(GroupsTest, ShareTheWorkersOfOne) {
  Group("alice", "smith");
  Group("bob", "smith");
  for (int i = 0; i < 4; ++i) {
    pool_.Open(alice_, absl::StrCat("w", i));
    pool_.Open(bob_, absl::StrCat("w", i));
  }
  const auto refused = pool_.Try(OpenSession{bob_, "w4", 1});
  EXPECT_EQ(GetReason(refused.status()), "TOO_MANY_SESSIONS");
  EXPECT_TRUE(pool_.Try(OpenSession{bob_, "w3", 1}).ok()) << "a name again";
  const AccountId carol = pool_.Make("carol", Role::kMiner);
  EXPECT_TRUE(pool_.Try(OpenSession{carol, "w4", 1}).ok());
}

TEST_F(GroupsTest, ShareTheOpenTasksOfOne) {
  Group("client", "smith");
  const SecondClient second(pool_);
  Group("second", "smith");
  pool_.Submit(TinySpec(4), "a");
  pool_.Submit(TinySpec(4), "b");
  const auto submit = [&](const std::string& request) {
    return pool_
        .Try(SubmitTask{second.id, second.Its(TinySpec(4)), request,
                        Sha256("secret")})
        .status();
  };
  EXPECT_TRUE(submit("c").ok());
  EXPECT_EQ(GetReason(submit("d")), "TASK_QUOTA");
  Group("second", "");
  EXPECT_TRUE(submit("d").ok());
}

TEST_F(GroupsTest, ShareTheSubspacesOfAnHour) {
  TestPool pool;
  const SecondClient second(pool);
  const auto put = [&](const std::string& name, const std::string& group) {
    pool.Do(SetQuotas{.name = name, .group = group});
  };
  TaskSpec spec = TinySpec(64);
  spec.subspaces = 16'384;
  int requests = 0;
  const auto open = [&](AccountId client) {
    const auto task = pool.Try(
        SubmitTask{client, client == second.id ? second.Its(spec) : spec,
                   absl::StrCat("r", ++requests), Sha256("secret")});
    if (task.ok()) pool.Do(CancelTask{*task, client});
    return task.status();
  };
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(open(pool.client).ok());
  put("client", "smith");
  put("second", "smith");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(open(second.id).ok());
  const absl::Status refused = open(second.id);
  EXPECT_EQ(GetReason(refused), "TASKS_TOO_OFTEN");
  const auto shown = [&](const std::string& name) {
    return pool.Do(SetQuotas{.name = name}).subspaces_opened;
  };
  const int64_t by_first = shown("client").held;
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr(absl::StrCat("the others of its group ", by_first,
                                     "; the next may be opened in 5")));
  EXPECT_EQ(shown("second").max, pool.policy.boxes_per_hour_max - by_first);
  EXPECT_EQ(GetReason(open(pool.client)), "TASKS_TOO_OFTEN");

  put("second", "");
  EXPECT_TRUE(open(second.id).ok()) << "it is alone again";
  EXPECT_EQ(shown("second").max, pool.policy.boxes_per_hour_max);
  put("second", "smith");
  pool.now += absl::Hours(1);
  EXPECT_TRUE(open(second.id).ok());
}

TEST_F(GroupsTest, ShareTheSessionsOfAnHour) {
  const auto open_all = [&](AccountId miner) {
    int opened = 0;
    while (opened < 1'000 && pool_.Try(OpenSession{miner, "w", 1}).ok()) {
      ++opened;
    }
    return opened;
  };
  const AccountId carol = pool_.Make("carol", Role::kMiner);
  const int of_one = open_all(carol);
  Group("alice", "smith");
  Group("bob", "smith");
  EXPECT_EQ(open_all(alice_), of_one) << "bob opened none";
  const auto refused = pool_.Try(OpenSession{bob_, "w", 1});
  EXPECT_EQ(GetReason(refused.status()), "SESSIONS_TOO_OFTEN");
  EXPECT_THAT(
      std::string(refused.status().message()),
      HasSubstr(absl::StrCat("0 sessions within the hour, the others of its "
                             "group ",
                             of_one, "; the next may be opened in 5")));
  EXPECT_EQ(pool_.Do(SetQuotas{.name = "bob"}).sessions_opened.max, 0);
  Group("bob", "");
  EXPECT_GT(open_all(bob_), of_one / 2) << "it is alone again";
  Group("bob", "smith");
  pool_.now += absl::Hours(1);
  EXPECT_TRUE(pool_.Try(OpenSession{bob_, "w", 1}).ok());
}

// Of three leases given up where two are given on trust, none is more than its
// account may, but the group's together are.
TEST_F(GroupsTest, ShareThePauseForLeasesGivenUp) {
  pool_.Submit(ManyBoxes());
  Group("alice", "smith");
  Group("bob", "smith");
  const AccountId carol = pool_.Make("carol", Role::kMiner);
  const auto give_up = [&](AccountId miner) {
    const SessionId session = pool_.Open(miner, "w");
    const AcquireLease::Reply reply =
        pool_.Do(AcquireLease{.caller = miner, .session = session});
    if (reply.grant) {
      const Lease& lease = reply.grant->lease;
      pool_.Do(ReleaseLease{miner, session, lease.id, lease.attempt});
    }
    return reply;
  };
  for (const AccountId miner : {alice_, bob_, alice_, carol, carol}) {
    EXPECT_TRUE(give_up(miner).grant.has_value());
  }
  for (const AccountId miner : {alice_, bob_}) {
    const AcquireLease::Reply reply = give_up(miner);
    EXPECT_EQ(reply.idle_reason, "LEASES_GIVEN_UP");
    EXPECT_THAT(reply.idle_message, HasSubstr("the others of its group"));
  }
  EXPECT_EQ(pool_.Do(SetQuotas{.name = "bob"}).pause_left, absl::Seconds(1));
  EXPECT_TRUE(give_up(carol).grant.has_value()) << "she is alone";

  Group("bob", "");
  EXPECT_EQ(pool_.Do(SetQuotas{.name = "bob"}).pause_left,
            absl::ZeroDuration());
  EXPECT_TRUE(give_up(bob_).grant.has_value());
}

// Machines that go down together are one event, whosesoever they are.
TEST_F(GroupsTest, LeasesLostTogetherCountOnceForAll) {
  pool_.Submit(ManyBoxes());
  Group("alice", "smith");
  Group("bob", "smith");
  const AccountId carol = pool_.Make("carol", Role::kMiner);
  for (const AccountId miner : {alice_, bob_, carol}) {
    ASSERT_TRUE(Ask(miner, "w").grant.has_value());
  }
  pool_.Advance(3 * pool_.policy.silence_term);
  EXPECT_EQ(pool_.Find(alice_).give_ups + pool_.Find(bob_).give_ups,
            pool_.Find(carol).give_ups);
  EXPECT_GT(pool_.Find(carol).give_ups, 0);
}

// Whoever pays itself has shown nothing.
TEST_F(GroupsTest, WhatTheyPayEachOtherProvesNothing) {
  Group("client", "smith");
  Group("alice", "smith");
  pool_.Submit(ManyBoxes());
  const auto work = [&](AccountId miner) {
    const SessionId session = pool_.Open(miner, "w");
    const auto grant =
        pool_.Do(AcquireLease{.caller = miner, .session = session}).grant;
    ASSERT_TRUE(grant.has_value());
    for (const TrialId trial : grant->lease.trials) {
      pool_.Deliver(miner, session, grant->lease, trial, 900);
    }
    pool_.VerifyAll();
  };
  work(alice_);
  work(bob_);
  EXPECT_GT(pool_.Find(alice_).trials_accepted, 0);
  EXPECT_EQ(pool_.Find(alice_).trials_within_group,
            pool_.Find(alice_).trials_accepted);
  EXPECT_EQ(pool_.Find(bob_).trials_within_group, 0);
  const auto leases_max = [&](AccountId miner) {
    return LeasesMax(pool_.pool.state(), pool_.policy, pool_.Find(miner));
  };
  EXPECT_EQ(leases_max(alice_), pool_.policy.leases_on_trust);
  EXPECT_EQ(leases_max(bob_),
            pool_.policy.leases_on_trust + pool_.Find(bob_).trials_accepted);

  Account rich = pool_.Find(alice_);
  rich.trials_accepted = 2 * kProvenTrials;
  rich.trials_within_group = kProvenTrials + 1;
  EXPECT_FALSE(IsProven(rich));
  rich.trials_within_group = kProvenTrials;
  EXPECT_TRUE(IsProven(rich));
}

// An account may join or leave between a verdict and the next.
TEST_F(GroupsTest, CountsStayWithinEachOther) {
  const TaskId task = pool_.Submit(ManyBoxes());
  const PoolState& state = pool_.pool.state();
  Trial trial;
  trial.task = task;
  Account account = pool_.Find(alice_);
  CountAccepted(state, trial, 1, account);
  EXPECT_EQ(ProvingTrials(account), 1);
  Group("client", "smith");
  account.group = "smith";
  CountAccepted(state, trial, -1, account);
  EXPECT_EQ(account.trials_accepted, 0);
  EXPECT_EQ(account.trials_within_group, 0);
  CountAccepted(state, trial, 1, account);
  EXPECT_EQ(ProvingTrials(account), 0);
  account.group = "";
  CountAccepted(state, trial, -1, account);
  EXPECT_EQ(account.trials_accepted, 0);
  EXPECT_EQ(account.trials_within_group, 0);
}

// Of a group and somebody else each has half, not one a fifth.
TEST_F(GroupsTest, ShareOfABudgetIsThatOfOne) {
  const AccountId carol = pool_.Make("carol", Role::kMiner);
  const AccountId dave = pool_.Make("dave", Role::kMiner);
  for (const char* name : {"alice", "bob", "carol"}) Group(name, "smith");
  const TaskId task = pool_.Submit(ManyBoxes());
  const auto grant = Ask(alice_, "a").grant;
  ASSERT_TRUE(grant.has_value());
  pool_.Open(bob_, "b");
  pool_.Open(carol, "c");
  const PoolState& state = pool_.pool.state();
  const WorkUnits budget = state.Find(task)->spec->budget.work_units;
  const WorkUnits reserved = state.IndexOf(task).tally.reserved_units;
  const auto left = [&](AccountId miner) {
    return UnitsFor(state, pool_.policy, *state.Find(task), pool_.Find(miner),
                    pool_.now);
  };
  EXPECT_EQ(left(bob_), INT64_MAX) << "nobody else is there";
  pool_.Open(dave, "d");
  for (const AccountId miner : {alice_, bob_, carol}) {
    EXPECT_EQ(left(miner), budget / 2 - reserved);
  }
  EXPECT_EQ(left(dave), INT64_MAX) << "the first of its own";
}

class GroupAuditsTest : public VerifiersTest {
 protected:
  GroupAuditsTest() : VerifiersTest(Policy()) {
    for (const char* name : {"client", "alice"}) {
      pool.Do(SetQuotas{.name = name, .group = "smith"});
    }
    // A task's best results are measured in any case.
    Committed(alice, alices, 900);
    pool.VerifyAll();
  }
  static PoolPolicy Policy() {
    PoolPolicy policy = Strict();
    policy.audit_floor_ppm = 250'000;
    policy.verifier_term = absl::Minutes(30);
    return policy;
  }
  // What became of a trial that the miner commits after so many good ones, and
  // that no verifier comes to.
  const Trial& Unverified(AccountId miner, SessionId session) {
    for (int64_t i = 0; i < kProvenTrials; ++i) {
      Committed(miner, session);
      pool.VerifyAll();
    }
    TrialId trial;
    do {
      trial = Committed(miner, session);
    } while (Find(trial).state != TrialState::kUploaded);
    pool.Advance(pool.policy.audit_wait_term + absl::Minutes(10));
    return Find(trial);
  }
};

TEST_F(GroupAuditsTest, WorkForTheirOwnClientMakesNoAuditRarer) {
  EXPECT_EQ(Unverified(alice, alices).reason, "UNVERIFIED");
  EXPECT_GT(Alice().trials_accepted, kProvenTrials);
  EXPECT_EQ(Alice().audit_rate_ppm, 1'000'000);
}

TEST_F(GroupAuditsTest, WorkForOthersDoes) {
  while (state().Find(bob)->audit_rate_ppm > pool.policy.audit_floor_ppm) {
    Committed(bob, bobs);
    pool.VerifyAll();
  }
  EXPECT_EQ(Unverified(bob, bobs).state, TrialState::kAccepted);
}

}  // namespace
}  // namespace archpool
