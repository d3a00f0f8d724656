// SPDX-License-Identifier: Apache-2.0
// What becomes of answers that are due while nothing is heard of their miner's
// account: it comes back and loses nothing, or it does not, and has gained
// nothing.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/pool.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

PoolPolicy WithoutPruning(PoolPolicy policy) {
  policy.results_to_split = 1'000'000;
  policy.leases_on_trust = 1'000;
  policy.backups = false;
  return policy;
}

// All trials are drawn for certain, unless another policy is given.
class AbsenceTest : public ::testing::Test {
 protected:
  explicit AbsenceTest(const PoolPolicy& policy = AuditEverything(),
                       int64_t trials_max = 0)
      : pool(WithoutPruning(policy)) {
    alice = pool.Make("alice", Role::kMiner);
    session = pool.Open(alice, "w1");
    task = pool.Submit(Spec(trials_max));
    // So good and so cheap that nothing after it is a candidate for the front.
    Architecture cheapest;
    cheapest.choices = {0, 0, 1};
    pool.Do(RankCandidates{.task = task, .candidates = {cheapest}});
    first = Next(1'000);
    pool.VerifyAll();
  }

  static TaskSpec Spec(int64_t trials_max) {
    TaskSpec spec = TinySpec(60);
    spec.budget.trials_max = trials_max;
    spec.budget.time_limit = absl::Hours(200);
    spec.subspaces = 1;
    spec.trials_per_lease = 1;
    return spec;
  }
  const PoolState& state() const { return pool.pool.state(); }
  const Trial& Find(TrialId trial) { return *state().Find(trial); }
  const Account& Alice() { return *state().Find(alice); }
  const Audit* AuditOf(TrialId trial) {
    return state().Find(state().audits().Of(trial));
  }
  // Takes and commits the next trial.
  TrialId Next(int64_t claim = 500) {
    const auto reply = pool.Do(AcquireLease{alice, session});
    ARCHPOOL_CHECK(reply.grant.has_value());
    const TrialId trial = reply.grant->assignments.at(0).trial;
    pool.Commit(alice, session, reply.grant->lease, trial, claim);
    return trial;
  }
  TrialId NextDrawn() {
    for (;;) {
      const TrialId trial = Next();
      if (Find(trial).state == TrialState::kCommitted) return trial;
    }
  }
  // A sign of life, and what the pool asks then.
  ReviewTrials::Reply Beat() {
    return pool.Do(ReviewTrials{alice, session, {}});
  }
  void AdvanceHeard(absl::Duration duration) {
    const absl::Time end = pool.now + duration;
    while (pool.now < end) {
      Beat();
      pool.Advance(std::min(end - pool.now, pool.policy.silence_term / 4));
    }
  }
  // With nothing heard.
  void AdvancePast(absl::Time time) {
    pool.Advance(time - pool.now + absl::Seconds(30));
  }
  // Its answer is due, and its account is away.
  TrialId NextMissed() {
    const TrialId trial = NextDrawn();
    AdvancePast(*AuditOf(trial)->expire_time);
    return trial;
  }
  // All that waits for verifiers is found as two of them say.
  void VerifyWaiting(std::optional<std::string> false_by = std::nullopt,
                     TrialId what = {}) {
    for (int i = 0; i < 20; ++i) {
      for (const char* name : {"v1", "v2"}) {
        const auto grant = pool.Do(AcquireAudit{pool.verifier, name});
        if (!grant) continue;
        const int64_t correct = CommitmentOf(grant->trial).claimed_correct;
        AuditFinding finding = WeightsMeasured{correct, correct};
        if (false_by && grant->trial.id == what) {
          finding = TrainingRefuted{*false_by};
        }
        pool.Do(ReportAudit{pool.verifier, grant->audit.id,
                            grant->audit.attempt, name, finding});
      }
      pool.Advance(pool.policy.silence_term / 4);
    }
  }
  // As it was put last: it may be forgotten with its task.
  Trial Last(TrialId id) {
    for (const Event& event : pool.pool.TakeEvents()) events.push_back(event);
    Trial last;
    for (const Event& event : events) {
      const auto* trial = std::get_if<Trial>(&event);
      if (trial != nullptr && trial->id == id) last = *trial;
    }
    return last;
  }

  TestPool pool;
  AccountId alice;
  SessionId session;
  TaskId task;
  TrialId first;
  std::vector<Event> events;
};

// The first that a worker does on its return may be to renew a lease that ended
// meanwhile. An error changes nothing: what it is asked is moved by its next
// command.
TEST_F(AbsenceTest, ARefusalEndsNoAbsence) {
  const TrialId trial = NextMissed();
  ASSERT_TRUE(AuditOf(trial)->is_away);
  EXPECT_THAT(
      pool.pool.Execute(RenewLease{alice, session, LeaseId{999}}, pool.now),
      FailsWith("LEASE_ENDED"));
  EXPECT_TRUE(AuditOf(trial)->is_away);
  Beat();
  EXPECT_FALSE(AuditOf(trial)->is_away);
}

TEST_F(AbsenceTest, NorDoesTheRefusalOfASuspendedAccount) {
  const TrialId trial = NextMissed();
  pool.Do(SetAccountState{.name = "alice", .state = AccountState::kSuspended});
  ASSERT_TRUE(AuditOf(trial)->is_away);
  EXPECT_THAT(pool.pool.Execute(AcquireLease{alice, session}, pool.now),
              FailsWith("ACCOUNT_SUSPENDED"));
  EXPECT_TRUE(AuditOf(trial)->is_away);
}

TEST_F(AbsenceTest, WhoComesBackAnswersAndLosesNothing) {
  const TrialId trial = NextDrawn();
  const absl::Time due = *AuditOf(trial)->expire_time;
  AdvancePast(due + absl::Hours(3));
  ASSERT_NE(AuditOf(trial), nullptr) << Find(trial).reason;
  EXPECT_TRUE(AuditOf(trial)->is_away);
  EXPECT_EQ(AuditOf(trial)->expire_time, due + pool.policy.away_term);

  const auto asked = Beat().asked;
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].request.trial, trial);
  EXPECT_GE(asked[0].request.waited, absl::Hours(3));
  EXPECT_LE(asked[0].request.waited, absl::Hours(3) + absl::Minutes(1));
  EXPECT_GE(asked[0].request.deadline - pool.now, pool.policy.upload_term);
  EXPECT_LE(asked[0].request.deadline - pool.now, 2 * pool.policy.upload_term);
  EXPECT_EQ(pool.Do(AcquireLease{alice, session}).idle_reason, "ANSWER_OWED");

  pool.Answer(alice, trial);
  EXPECT_FALSE(AuditOf(trial)->away_until.has_value());
  EXPECT_TRUE(pool.Do(AcquireLease{alice, session}).grant.has_value());
  VerifyWaiting();
  EXPECT_EQ(Find(trial).state, TrialState::kAccepted) << Find(trial).reason;
  EXPECT_EQ(Alice().rejections_in_a_row, 0);
  EXPECT_EQ(Alice().trials_rejected, 0);
}

// Any call of a worker's is a sign.
TEST_F(AbsenceTest, ASessionThatIsOpenedAgainIsAReturn) {
  const TrialId trial = NextMissed();
  ASSERT_TRUE(AuditOf(trial)->is_away);
  session = pool.Open(alice, "w1");
  EXPECT_FALSE(AuditOf(trial)->is_away);
  EXPECT_LE(*AuditOf(trial)->expire_time - pool.now,
            2 * pool.policy.upload_term);
}

TEST_F(AbsenceTest, WhoIsThereAndDoesNotAnswerIsAtFault) {
  const TrialId trial = NextDrawn();
  AdvanceHeard(*AuditOf(trial)->expire_time - pool.now + absl::Seconds(30));
  EXPECT_EQ(Find(trial).reason, "AUDIT_UNANSWERED");
  EXPECT_EQ(Find(first).reason, "CREDIT_VOID");
}

TEST_F(AbsenceTest, SoIsWhoComesBackAndDoesNotAnswer) {
  const TrialId trial = NextMissed();
  AdvanceHeard(absl::Minutes(10));
  EXPECT_EQ(Find(trial).reason, "AUDIT_UNANSWERED");
  EXPECT_EQ(Find(first).reason, "CREDIT_VOID");
}

TEST_F(AbsenceTest, AndWhoIsAwayForADay) {
  const TrialId trial = NextDrawn();
  const absl::Time due = *AuditOf(trial)->expire_time;
  pool.Advance(due + pool.policy.away_term - pool.now - absl::Minutes(1));
  EXPECT_EQ(Find(trial).state, TrialState::kCommitted) << Find(trial).reason;
  pool.Advance(absl::Minutes(2));
  EXPECT_EQ(Find(trial).reason, "AUDIT_UNANSWERED");
  EXPECT_EQ(Find(first).reason, "CREDIT_VOID");
  EXPECT_EQ(Alice().rejections_in_a_row, 1);
}

// Whoever comes and goes is waited for no longer.
TEST_F(AbsenceTest, ADayIsCountedOnce) {
  const TrialId trial = NextDrawn();
  const absl::Time last = *AuditOf(trial)->expire_time + pool.policy.away_term;
  while (pool.now < last - absl::Hours(1)) {
    pool.Advance(absl::Minutes(50));
    Beat();
  }
  EXPECT_EQ(Find(trial).state, TrialState::kCommitted) << Find(trial).reason;
  EXPECT_EQ(AuditOf(trial)->away_until, last);
  AdvancePast(last + absl::Minutes(5));
  EXPECT_EQ(Find(trial).reason, "AUDIT_UNANSWERED");
}

// A load forgets who was heard: that nobody was heard since is no presence.
TEST_F(AbsenceTest, ARestartIsNoSignOfLife) {
  const TrialId trial = NextDrawn();
  pool.pool = Pool(pool.policy, state().Snapshot());
  pool.Do(Tick{});
  AdvancePast(*AuditOf(trial)->expire_time);
  ASSERT_NE(AuditOf(trial), nullptr) << Find(trial).reason;
  EXPECT_TRUE(AuditOf(trial)->is_away);
  pool.pool = Pool(pool.policy, state().Snapshot());
  pool.Do(Tick{});
  EXPECT_TRUE(AuditOf(trial)->is_away);
  Beat();
  EXPECT_FALSE(AuditOf(trial)->is_away);
}

TEST_F(AbsenceTest, TimeThatThePoolIsAwayIsAdded) {
  const TrialId trial = NextMissed();
  const absl::Time until = *AuditOf(trial)->away_until;
  pool.now += absl::Hours(5);
  pool.Do(Tick{});
  EXPECT_EQ(AuditOf(trial)->away_until, until + absl::Hours(5));
  EXPECT_EQ(AuditOf(trial)->expire_time, until + absl::Hours(5));
}

// ---- What could be gained by it --------------------------------------------

class ShortBlocksTest : public AbsenceTest {
 protected:
  ShortBlocksTest() : AbsenceTest(Policy()) {}
  static PoolPolicy Policy() {
    PoolPolicy policy = AuditEverything();
    policy.credit_block = 2;
    return policy;
  }
};

TEST_F(ShortBlocksTest, NothingMaturesMeanwhile) {
  const TrialId second = NextDrawn();
  pool.Answer(alice, second);
  pool.Answer(alice, NextDrawn());
  const TrialId missed = NextMissed();
  VerifyWaiting();
  EXPECT_EQ(Find(second).state, TrialState::kAccepted);
  EXPECT_FALSE(IsMatured(Find(first)));
  Beat();
  EXPECT_FALSE(IsMatured(Find(first))) << "it is back, and has not answered";
  pool.Answer(alice, missed);
  EXPECT_TRUE(IsMatured(Find(first)));
  EXPECT_TRUE(IsMatured(Find(second)));
}

// The task does not wait for a day, and nobody is blamed.
TEST_F(AbsenceTest, ATaskThatEndsGoesWithoutTheTrial) {
  const TrialId missed = NextMissed();
  pool.Do(CancelTask{task, pool.client});
  EXPECT_LE(*AuditOf(missed)->expire_time - pool.now,
            2 * pool.policy.upload_term);
  pool.Advance(2 * pool.policy.upload_term);
  VerifyWaiting();
  EXPECT_EQ(state().Find(task), nullptr);
  EXPECT_EQ(Last(missed).reason, "MINER_AWAY");
  EXPECT_EQ(SettlementOf(Last(missed)).pay, 0);
  EXPECT_EQ(Last(first).state, TrialState::kAccepted);
  EXPECT_GT(SettlementOf(Last(first)).pay, 0);
  EXPECT_EQ(Alice().rejections_in_a_row, 0);
  EXPECT_EQ(Alice().state, AccountState::kActive);
}

TEST_F(AbsenceTest, WhoComesBackAsTheTaskEndsMayAnswer) {
  const TrialId missed = NextMissed();
  pool.Do(CancelTask{task, pool.client});
  AdvancePast(*AuditOf(missed)->expire_time - absl::Minutes(1));
  EXPECT_GE(Beat().asked.at(0).request.deadline - pool.now,
            pool.policy.upload_term);
  pool.Answer(alice, missed);
  VerifyWaiting();
  EXPECT_EQ(Last(missed).state, TrialState::kAccepted) << Last(missed).reason;
  EXPECT_GT(SettlementOf(Last(missed)).pay, 0);
}

// Drawn by lot: of what was not drawn as much may be false.
class DrawnByLotTest : public AbsenceTest {
 protected:
  DrawnByLotTest() : AbsenceTest(PoolPolicy()) {}
  // It cannot be waited for any longer.
  TrialId NextGivenUp() {
    const TrialId missed = NextMissed();
    EXPECT_LT(CommitmentOf(Find(missed)).draw_ppm, 1'000'000);
    pool.Do(CancelTask{task, pool.client});
    AdvancePast(*AuditOf(missed)->expire_time);
    EXPECT_NE(state().Find(task), nullptr);
    EXPECT_EQ(AuditOf(missed)->kind, AuditKind::kWhole);
    EXPECT_EQ(AuditOf(missed)->state, AuditState::kWaiting);
    return missed;
  }
};

TEST_F(DrawnByLotTest, VerifiersTrainInItsPlaceAndWhatIsTrueIsPaid) {
  const TrialId missed = NextGivenUp();
  VerifyWaiting();
  EXPECT_EQ(state().Find(task), nullptr);
  const Trial trial = Last(missed);
  EXPECT_EQ(trial.state, TrialState::kAccepted) << trial.reason;
  EXPECT_EQ(BasisOf(trial), TrialBasis::kUnverified)
      << "its weights are not here";
  EXPECT_GT(SettlementOf(trial).pay, 0);
  EXPECT_EQ(SettlementOf(trial).finders_bonus, 0);
  EXPECT_EQ(Alice().rejections_in_a_row, 0);
}

TEST_F(DrawnByLotTest, WhatIsFalseIsFraud) {
  const TrialId missed = NextGivenUp();
  VerifyWaiting("TRAINING_FALSE", missed);
  EXPECT_EQ(Last(missed).reason, "TRAINING_FALSE");
  EXPECT_EQ(Last(first).reason, "CREDIT_VOID");
  EXPECT_EQ(Alice().rejections_in_a_row, 1);
}

// Not even where the policy pays what no verifier decided.
TEST_F(DrawnByLotTest, WhatNobodyDecidesIsNotPaid) {
  const TrialId missed = NextGivenUp();
  pool.Advance(pool.policy.audit_wait_term + absl::Minutes(10));
  EXPECT_EQ(Last(missed).reason, "UNVERIFIED");
  EXPECT_EQ(Alice().rejections_in_a_row, 0);
}

// Else credit of one task would be paid before another's draw is answered.
TEST_F(AbsenceTest, AnotherTaskThatEndsIsSettledAfterItIsDecided) {
  pool.Submit(Spec(/*trials_max=*/0), "r2");
  // Each task has one box, so the second worker gets the other's.
  const SessionId second = pool.Open(alice, "w2");
  const LeaseGrant drawn = *pool.Do(AcquireLease{alice, session}).grant;
  const LeaseGrant done = *pool.Do(AcquireLease{alice, second}).grant;
  ASSERT_NE(drawn.lease.task, done.lease.task);
  pool.Deliver(alice, second, done.lease, done.lease.trials[0], 500);
  pool.VerifyAll();
  const TrialId missed = drawn.assignments.at(0).trial;
  pool.Commit(alice, session, drawn.lease, missed, 400);
  AdvancePast(*AuditOf(missed)->expire_time);
  ASSERT_TRUE(AuditOf(missed) != nullptr && AuditOf(missed)->is_away);
  pool.Do(CancelTask{done.lease.task, pool.client});
  for (int i = 0; i < 4; ++i) pool.Advance(pool.policy.silence_term / 4);
  EXPECT_NE(state().Find(done.lease.task), nullptr);
  EXPECT_TRUE(state().IndexOf(done.lease.task).audits.empty());
  pool.Advance(2 * pool.policy.upload_term);
  VerifyWaiting();
  EXPECT_EQ(state().Find(done.lease.task), nullptr);
  EXPECT_EQ(Find(missed).reason, "MINER_AWAY");
  EXPECT_EQ(state().Find(drawn.lease.task)->state, TaskState::kActive);
}

class LastTrialTest : public AbsenceTest {
 protected:
  LastTrialTest() : AbsenceTest(AuditEverything(), /*trials_max=*/2) {}
};

// Its budget is free again at once.
TEST_F(LastTrialTest, TheLastOfATaskIsNotWaitedFor) {
  const AccountId bob = pool.Make("bob", Role::kMiner);
  const SessionId bobs = pool.Open(bob, "w1");
  const TrialId missed = NextMissed();
  EXPECT_EQ(Find(missed).reason, "MINER_AWAY");
  EXPECT_EQ(Alice().rejections_in_a_row, 0);
  EXPECT_EQ(state().Find(task)->state, TaskState::kActive);
  EXPECT_TRUE(pool.Do(AcquireLease{bob, bobs}).grant.has_value());
}

class SmallBudgetTest : public AbsenceTest {
 protected:
  SmallBudgetTest() : AbsenceTest(AuditEverything(), /*trials_max=*/3) {}
};

// Nor what others find the budget spent for.
TEST_F(SmallBudgetTest, NobodyGoesWithoutWorkForIt) {
  const AccountId bob = pool.Make("bob", Role::kMiner);
  const SessionId bobs = pool.Open(bob, "w1");
  const TrialId missed = NextMissed();
  ASSERT_TRUE(AuditOf(missed) != nullptr && AuditOf(missed)->is_away)
      << "one is left for others";
  ASSERT_TRUE(pool.Do(AcquireLease{bob, bobs}).grant.has_value());
  const AccountId carol = pool.Make("carol", Role::kMiner);
  const SessionId carols = pool.Open(carol, "w1");
  EXPECT_FALSE(pool.Do(AcquireLease{carol, carols}).grant.has_value());
  EXPECT_EQ(Find(missed).reason, "MINER_AWAY");
}

}  // namespace
}  // namespace archpool
