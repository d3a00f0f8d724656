// SPDX-License-Identifier: Apache-2.0
// What the pool promises clients, miners and verifiers, one promise a test.
#include "server/core/pool.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/state/queries.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class PoolTest : public testing::Test {
 protected:
  PoolTest() {
    alice = pool.Make("alice", Role::kMiner);
    bob = pool.Make("bob", Role::kMiner);
    alice_session = pool.Open(alice, "w1");
    bob_session = pool.Open(bob, "w1");
  }
  LeaseGrant Acquire(AccountId miner, SessionId session) {
    auto reply = pool.Do(AcquireLease{miner, session});
    EXPECT_TRUE(reply.grant.has_value()) << reply.idle_reason;
    return *reply.grant;
  }
  Amount Balance(Place place) {
    return pool.pool.state().money().BalanceOf(place);
  }

  TestPool pool;
  AccountId alice, bob;
  SessionId alice_session, bob_session;
};

TEST_F(PoolTest, SubmittingMovesTheRewardToEscrowOnce) {
  const TaskId task = pool.Submit(TinySpec(4));
  EXPECT_EQ(pool.Submit(TinySpec(4)), task) << "same request, same task";
  EXPECT_EQ(Balance(Place::EscrowOf(task)), 100 * kAmountPerCoin);
  EXPECT_EQ(Balance(Place::Of(pool.client)), 900 * kAmountPerCoin);
}

TEST_F(PoolTest, SubmittingWithoutMoneyIsRefused) {
  TaskSpec spec = TinySpec(4);
  spec.terms.reward = 1'001 * kAmountPerCoin;
  EXPECT_THAT(pool.Try(SubmitTask{pool.client, spec, "r2", Sha256("s")}),
              FailsWith("BALANCE_TOO_LOW"));
}

TEST_F(PoolTest, ABudgetThatBuysNoTrialIsRefused) {
  TaskSpec spec = TinySpec(4);
  spec.budget.work_units = 1;
  EXPECT_THAT(pool.Try(SubmitTask{pool.client, spec, "r2", Sha256("s")}),
              FailsWith("BUDGET_TOO_SMALL"));
}

TEST_F(PoolTest, AnothersDatasetIsUnknown) {
  const AccountId other = pool.Make("other", Role::kClient);
  EXPECT_THAT(pool.Try(SubmitTask{other, TinySpec(4), "r", Sha256("s")}),
              FailsWith("DATASET_UNKNOWN"));
}

TEST_F(PoolTest, TheBoxesAddUpToTheSpace) {
  const TaskSpec spec = TinySpec(4);
  const TaskId task = pool.Submit(spec);
  int64_t total = 0;
  for (const SubspaceId id : pool.pool.state().IndexOf(task).boxes.ids()) {
    total += pool.pool.state().Find(id)->box.size();
  }
  EXPECT_EQ(total, spec.space.size());
}

TEST_F(PoolTest, ASessionAskingAgainGetsItsLiveLease) {
  pool.Submit(TinySpec(4));
  const LeaseGrant first = Acquire(alice, alice_session);
  EXPECT_THAT(first.assignments, SizeIs(2));
  EXPECT_EQ(Acquire(alice, alice_session).lease, first.lease);
}

TEST_F(PoolTest, TwoMinersNeverShareASubspaceOrANetwork) {
  pool.Submit(TinySpec(4));
  const LeaseGrant a = Acquire(alice, alice_session);
  const LeaseGrant b = Acquire(bob, bob_session);
  EXPECT_NE(a.lease.subspace, b.lease.subspace);
  for (const Assignment& mine : a.assignments) {
    for (const Assignment& theirs : b.assignments) {
      EXPECT_NE(mine.architecture_id, theirs.architecture_id);
    }
  }
}

// Nobody can hand in another's work: the key depends on who trains.
TEST_F(PoolTest, TrialKeysDifferBetweenMinersOfOneNetwork) {
  pool.Submit(TinySpec(4));
  const LeaseGrant a = Acquire(alice, alice_session);
  pool.Do(ReleaseLease{alice, alice_session, a.lease.id, a.lease.attempt});
  std::map<Digest, Digest> alices;
  for (const Assignment& one : a.assignments) {
    alices[one.architecture_id] = one.trial_key;
  }
  int met = 0;
  for (int i = 0; i < 8; ++i) {
    const LeaseGrant b = Acquire(bob, bob_session);
    for (const Assignment& one : b.assignments) {
      if (alices.contains(one.architecture_id)) {
        ++met;
        EXPECT_NE(alices[one.architecture_id], one.trial_key);
      }
      pool.Deliver(bob, bob_session, b.lease, one.trial, 500);
    }
  }
  EXPECT_EQ(met, 2) << "what alice gave back is trained by somebody else";
}

// The vector of docs/protocol.md.
TEST(TrialKeyTest, IsMadeAsSpecified) {
  Task task;
  task.secret = Sha256("secret");
  EXPECT_EQ(TrialKey(task, Sha256("arch"), AccountId{7}, 0).ToString(),
            "7d0d9ed03784db8ee99c2c5c3964cd2c539153793f4435691123e9874b49e080");
}

TEST_F(PoolTest, AnExpiredLeaseCannotCommit) {
  pool.Submit(TinySpec(4));
  const LeaseGrant grant = Acquire(alice, alice_session);
  pool.Advance(pool.policy.silence_term);
  const auto results =
      pool.Do(ReportTrials{alice,
                           alice_session,
                           grant.lease.id,
                           grant.lease.attempt,
                           {FakeReport(grant.lease.trials[0], 16, 5)}})
          .results;
  EXPECT_THAT(results[0].status, FailsWith("LEASE_ENDED"));
  EXPECT_EQ(pool.pool.state().Find(alice)->trials_abandoned, 2);
}

TEST_F(PoolTest, ARenewedLeaseLives) {
  TaskSpec spec = TinySpec(4);
  spec.recipe.epochs = 1'000;  // long trials
  pool.Submit(spec);
  const LeaseGrant grant = Acquire(alice, alice_session);
  for (int i = 0; i < 3; ++i) {
    pool.Advance(pool.policy.silence_term / 2);
    pool.Do(RenewLease{alice, alice_session, grant.lease.id});
  }
  EXPECT_EQ(Acquire(alice, alice_session).lease.id, grant.lease.id);
}

// A worker that says it lives and never reports must not block a subspace.
TEST_F(PoolTest, NoLeaseIsExtendedForEver) {
  pool.Submit(TinySpec(4));
  const LeaseGrant grant = Acquire(alice, alice_session);
  absl::StatusOr<RenewLease::Reply> renewed = RenewLease::Reply();
  for (int i = 0; i < 40 && renewed.ok(); ++i) {
    pool.Advance(pool.policy.silence_term / 2);
    renewed = pool.Try(RenewLease{alice, alice_session, grant.lease.id});
  }
  EXPECT_THAT(renewed, FailsWith("LEASE_ENDED"));
}

// A reload is no outage: expiry continues as it would have.
TEST_F(PoolTest, AReloadPutsNoExpiryOff) {
  const Pool reloaded(pool.policy, pool.pool.state().Snapshot(),
                      pool.pool.expiry_hold());
  EXPECT_EQ(reloaded.expiry_hold().held_until,
            pool.pool.expiry_hold().held_until);
  EXPECT_LT(reloaded.expiry_hold().held_until, pool.now);
}

// An outage of the pool must not cancel everyone's work.
TEST_F(PoolTest, ExpiryWaitsOneTermAfterAGapInTheTicks) {
  pool.Submit(TinySpec(4));
  const LeaseGrant grant = Acquire(alice, alice_session);
  pool.now += absl::Hours(5) / 10;
  pool.Do(Tick{});
  EXPECT_THAT(pool.Try(RenewLease{alice, alice_session, grant.lease.id}),
              IsOk());
}

TEST_F(PoolTest, TheFirstReportOfATrialBinds) {
  pool.Submit(TinySpec(4));
  const LeaseGrant grant = Acquire(alice, alice_session);
  ReportTrials report{alice,
                      alice_session,
                      grant.lease.id,
                      grant.lease.attempt,
                      {FakeReport(grant.lease.trials[0], 16, 700)}};
  EXPECT_THAT(pool.Do(report).results[0].status, IsOk());
  EXPECT_THAT(pool.Do(report).results[0].status, IsOk())
      << "the same again is harmless";
  report.reports[0].validation_correct = 900;
  EXPECT_THAT(pool.Do(report).results[0].status, FailsWith("COMMITMENT_BOUND"));
}

TEST_F(PoolTest, ReportsOfOthersLeasesAndStaleAttemptsAreRefused) {
  pool.Submit(TinySpec(4));
  const LeaseGrant grant = Acquire(alice, alice_session);
  const TrialReport report = FakeReport(grant.lease.trials[0], 16, 5);
  EXPECT_THAT(
      pool
          .Do(ReportTrials{
              bob, bob_session, grant.lease.id, grant.lease.attempt, {report}})
          .results[0]
          .status,
      FailsWith("TRIAL_UNKNOWN"));
  const ReportTrials::Reply stolen = pool.Do(ReportTrials{
      bob, bob_session, grant.lease.id, grant.lease.attempt, {report}});
  EXPECT_TRUE(stolen.appended.empty())
      << "a lease's trials are for its holder's eyes";
  EXPECT_THAT(pool.Do(ReportTrials{alice,
                                   alice_session,
                                   grant.lease.id,
                                   grant.lease.attempt + 1,
                                   {report}})
                  .results[0]
                  .status,
              FailsWith("LEASE_FENCED"));
  EXPECT_THAT(
      pool.Try(ReportTrials{
          bob, alice_session, grant.lease.id, grant.lease.attempt, {report}}),
      FailsWith("SESSION_UNKNOWN"));
}

TEST_F(PoolTest, AFalseClaimVoidsWhatHasNotMatured) {
  const TaskId task = pool.Submit(TinySpec(4));
  const LeaseGrant grant = Acquire(alice, alice_session);
  pool.Deliver(alice, alice_session, grant.lease, grant.lease.trials[0], 700);
  EXPECT_EQ(pool.Verify(700, 690).state, TrialState::kAccepted);
  pool.Deliver(alice, alice_session, grant.lease, grant.lease.trials[1], 900);
  const auto verdict = pool.Verify(700, 690);
  EXPECT_EQ(verdict.reason, "CLAIM_FALSE");
  const TaskIndex& index = pool.pool.state().IndexOf(task);
  EXPECT_EQ(index.tally.accepted, 0);
  EXPECT_EQ(index.tally.accepted_units, 0);
  EXPECT_EQ(pool.pool.state().Find(grant.lease.trials[0])->reason,
            "CREDIT_VOID");
}

// Rounding differs between instruction sets; honest miners must not pay for it.
TEST_F(PoolTest, AClaimWithinTheToleranceIsAccepted) {
  pool.Submit(TinySpec(4));
  const LeaseGrant grant = Acquire(alice, alice_session);
  pool.Deliver(alice, alice_session, grant.lease, grant.lease.trials[0], 702);
  EXPECT_EQ(pool.Verify(700, 690).state, TrialState::kAccepted);
  pool.Deliver(alice, alice_session, grant.lease, grant.lease.trials[1], 703);
  EXPECT_EQ(pool.Verify(700, 690).state, TrialState::kRejected);
}

TEST_F(PoolTest, RejectionsInARowSuspendAndEndTheLeases) {
  pool.Submit(TinySpec(8));
  for (int i = 0; i < 3; ++i) {
    const LeaseGrant grant = Acquire(alice, alice_session);
    pool.Deliver(alice, alice_session, grant.lease, grant.lease.trials[0], 999);
    pool.Verify(500, 500);
  }
  EXPECT_THAT(pool.Try(AcquireLease{alice, alice_session}),
              FailsWith("ACCOUNT_SUSPENDED"));
  EXPECT_THAT(pool.pool.state().leases().Of(alice_session), IsEmpty());
  pool.Do(SetAccountState{"alice", AccountState::kActive});
  Acquire(alice, alice_session);
}

TEST_F(PoolTest, UnusableWeightsAreFraud) {
  pool.Submit(TinySpec(8));
  for (int i = 0; i < 3; ++i) {
    const LeaseGrant grant = Acquire(alice, alice_session);
    pool.Deliver(alice, alice_session, grant.lease, grant.lease.trials[0], 500);
    for (const char* name : {"v1", "v2"}) {
      const auto audit = pool.Do(AcquireAudit{pool.verifier, name});
      pool.Do(ReportAudit{pool.verifier, audit->audit.id, audit->audit.attempt,
                          name, WeightsUnusable{"SAFETENSORS_MALFORMED"}});
    }
  }
  EXPECT_THAT(pool.Try(AcquireLease{alice, alice_session}),
              FailsWith("ACCOUNT_SUSPENDED"));
}

TEST_F(PoolTest, AnOperatorsSuspensionEndsRunningLeases) {
  pool.Submit(TinySpec(4));
  const LeaseGrant grant = Acquire(alice, alice_session);
  pool.Do(SetAccountState{"alice", AccountState::kSuspended});
  EXPECT_THAT(pool.Try(RenewLease{alice, alice_session, grant.lease.id}),
              FailsWith("LEASE_ENDED"));
}

// Whoever never delivers must not block a task with many workers.
TEST_F(PoolTest, AnAccountWithoutAcceptedTrialsHoldsFewLeases) {
  TaskSpec spec = TinySpec(16);
  spec.subspaces = 16;
  pool.Submit(spec);
  std::vector<SessionId> sessions;
  for (int i = 0; i < 5; ++i) {
    sessions.push_back(pool.Open(bob, absl::StrCat("many", i)));
  }
  std::optional<LeaseGrant> first;
  for (int i = 0; i < 4; ++i) {
    const auto reply = pool.Do(AcquireLease{bob, sessions[i]});
    ASSERT_TRUE(reply.grant.has_value());
    if (!first) first = reply.grant;
  }
  EXPECT_EQ(pool.Do(AcquireLease{bob, sessions[4]}).idle_reason,
            "LEASES_ON_TRUST");
  pool.Deliver(bob, sessions[0], first->lease, first->lease.trials[0], 700);
  pool.Verify(700, 700);
  EXPECT_TRUE(pool.Do(AcquireLease{bob, sessions[4]}).grant.has_value());
}

TEST_F(PoolTest, ADigestOfZerosCommitsNothing) {
  pool.Submit(TinySpec(4));
  const LeaseGrant grant = Acquire(alice, alice_session);
  TrialReport nothing = FakeReport(grant.lease.trials[0], 16, 500);
  nothing.weights_digest = Digest{};
  const auto results = pool.Do(ReportTrials{alice,
                                            alice_session,
                                            grant.lease.id,
                                            grant.lease.attempt,
                                            {nothing}})
                           .results;
  EXPECT_THAT(results[0].status, FailsWith("WEIGHTS_DIGEST"));
}

TEST_F(PoolTest, AnAuditThatRunsOutGoesToAnotherVerifierThenGivesUp) {
  TaskSpec spec = TinySpec(4);
  spec.budget.time_limit = absl::Hours(10);
  pool.Submit(spec);
  const LeaseGrant grant = Acquire(alice, alice_session);
  pool.Deliver(alice, alice_session, grant.lease, grant.lease.trials[0], 500);
  const auto first = pool.Do(AcquireAudit{pool.verifier, "v1"});
  pool.Advance(pool.policy.audit_term + absl::Seconds(1));
  EXPECT_THAT(
      pool.Try(ReportAudit{pool.verifier, first->audit.id, first->audit.attempt,
                           "v1", WeightsMeasured{500, 500}}),
      FailsWith("AUDIT_SUPERSEDED"));
  const auto& trial = *pool.pool.state().Find(grant.lease.trials[0]);
  int failures = 0;
  while (trial.state == TrialState::kUploaded) {  // until its time is over
    if (const auto next = pool.Do(AcquireAudit{pool.verifier, "v2"})) {
      pool.Do(ReportAudit{pool.verifier, next->audit.id, next->audit.attempt,
                          "v2", AuditInconclusive{"OUT_OF_MEMORY"}});
      ++failures;
    }
    pool.Advance(absl::Seconds(10));
  }
  EXPECT_EQ(trial.reason, "UNVERIFIED");
  EXPECT_GE(failures, 2 * pool.policy.inconclusive_max)
      << "of the segment, and of the whole training";
}

TEST_F(PoolTest, TheTargetEndsTheTaskAndPaysExactly) {
  TaskSpec spec = TinySpec(4);
  spec.budget.target_accuracy_ppm = 800'000;
  const TaskId task = pool.Submit(spec);
  const LeaseGrant grant = Acquire(alice, alice_session);
  pool.Deliver(alice, alice_session, grant.lease, grant.lease.trials[0], 810);
  pool.Verify(810, 805);
  // The next of the list was under way.
  pool.Do(
      ReleaseLease{alice, alice_session, grant.lease.id, grant.lease.attempt});
  pool.VerifyAll();
  EXPECT_EQ(pool.pool.state().Find(task), nullptr) << "ended and forgotten";
  EXPECT_EQ(Balance(Place::EscrowOf(task)), 0);
  EXPECT_GT(Balance(Place::Of(alice)), 10 * kAmountPerCoin - 1)
      << "the finder's bonus and the work";
  EXPECT_EQ(Balance(Place::Of(alice)) + Balance(Place::Fees()) +
                Balance(Place::Of(pool.client)),
            1'000 * kAmountPerCoin);
}

TEST_F(PoolTest, CancellingStillPaysWhatIsCommitted) {
  const TaskId task = pool.Submit(TinySpec(4));
  const LeaseGrant grant = Acquire(alice, alice_session);
  pool.Deliver(alice, alice_session, grant.lease, grant.lease.trials[0], 700);
  EXPECT_EQ(pool.Do(CancelTask{task, pool.client}), TaskState::kFinishing);
  EXPECT_FALSE(pool.Do(AcquireLease{bob, bob_session}).grant.has_value());
  pool.Verify(700, 690);
  pool.Do(
      ReleaseLease{alice, alice_session, grant.lease.id, grant.lease.attempt});
  pool.VerifyAll();
  EXPECT_GT(Balance(Place::Of(alice)), 0);
  EXPECT_EQ(Balance(Place::EscrowOf(task)), 0);
}

TEST_F(PoolTest, CancellingAnUntouchedTaskRefundsEverything) {
  const TaskId task = pool.Submit(TinySpec(4));
  EXPECT_THAT(pool.Try(CancelTask{task, alice}), FailsWith("TASK_UNKNOWN"));
  EXPECT_EQ(pool.Do(CancelTask{task, pool.client}), TaskState::kCancelled);
  EXPECT_EQ(Balance(Place::Of(pool.client)), 1'000 * kAmountPerCoin);
}

TEST_F(PoolTest, TheTimeLimitEndsATask) {
  const TaskId task = pool.Submit(TinySpec(4));
  pool.Advance(absl::Hours(1) + absl::Seconds(1));
  EXPECT_EQ(pool.pool.state().Find(task), nullptr);
  EXPECT_EQ(Balance(Place::Of(pool.client)), 1'000 * kAmountPerCoin);
}

TEST_F(PoolTest, ASpaceTriedWholeEndsTheTask) {
  const TaskId task = pool.Submit(TinySpec(2));
  int trials = 0;
  while (pool.pool.state().Find(task) != nullptr) {
    const auto reply = pool.Do(AcquireLease{alice, alice_session});
    if (!reply.grant) {
      pool.VerifyAll();  // the finalists' audits
      continue;
    }
    for (const Assignment& one : reply.grant->assignments) {
      pool.Deliver(alice, alice_session, reply.grant->lease, one.trial, 500);
      pool.VerifyAll();
      ++trials;
    }
    ASSERT_LE(trials, 8);
  }
  EXPECT_EQ(trials, 8) << "every network once";
}

// One box larger than a run of draws: it must still be seen to be empty.
TEST_F(PoolTest, ALargeSubspaceTriedWholeEndsTheTaskToo) {
  TaskSpec spec = TinySpec(40);
  spec.subspaces = 1;
  spec.trials_per_lease = 64;
  const TaskId task = pool.Submit(spec);
  int trials = 0;
  for (int i = 0; i < 400 && pool.pool.state().Find(task) != nullptr; ++i) {
    const auto reply = pool.Do(AcquireLease{alice, alice_session});
    if (!reply.grant) {
      pool.VerifyAll();  // the finalists' audits
      continue;
    }
    for (const Assignment& one : reply.grant->assignments) {
      pool.Deliver(alice, alice_session, reply.grant->lease, one.trial, 500);
      pool.VerifyAll();
      ++trials;
    }
  }
  EXPECT_EQ(pool.pool.state().Find(task), nullptr);
  EXPECT_EQ(trials, spec.space.size());
}

TEST_F(PoolTest, TheBudgetIsNeverOverspent) {
  TaskSpec spec = TinySpec(8);
  const TaskId probe = pool.Submit(spec, "probe");
  const LeaseGrant grant = Acquire(alice, alice_session);
  const WorkUnits cost =
      pool.pool.state().Find(grant.lease.trials[0])->work_units;
  pool.Do(CancelTask{probe, pool.client});
  spec.budget.work_units = 5 * cost;
  const TaskId task = pool.Submit(spec, "r2");
  for (int i = 0; i < 100 && pool.pool.state().Find(task) != nullptr; ++i) {
    const auto reply = pool.Do(AcquireLease{alice, alice_session});
    if (!reply.grant) {
      pool.VerifyAll();  // the finalists' audits
      continue;
    }
    const TaskIndex& index = pool.pool.state().IndexOf(task);
    EXPECT_LE(index.tally.accepted_units + index.tally.reserved_units,
              5 * cost);
    for (const Assignment& one : reply.grant->assignments) {
      pool.Deliver(alice, alice_session, reply.grant->lease, one.trial, 500);
      pool.VerifyAll();
    }
  }
  EXPECT_EQ(pool.pool.state().Find(task), nullptr) << "the budget ended it";
}

TEST_F(PoolTest, TheSameWorkerAgainTakesItsLeasesAlong) {
  pool.Submit(TinySpec(4));
  const LeaseGrant grant = Acquire(alice, alice_session);
  const SessionId again = pool.Open(alice, "w1");
  EXPECT_NE(again, alice_session);
  EXPECT_THAT(pool.Try(AcquireLease{alice, alice_session}),
              FailsWith("SESSION_UNKNOWN"));
  EXPECT_EQ(Acquire(alice, again).lease.id, grant.lease.id);
}

}  // namespace
}  // namespace archpool
