// SPDX-License-Identifier: Apache-2.0
// What the pool promises about verifiers: who takes what, that one that fails
// harms nobody but itself, and that nothing is leased that they cannot take on.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/verifiers_fixture.h"

namespace archpool {
namespace {

TEST_F(VerifiersTest, NothingIsLeasedThatNoVerifierCanTakeOn) {
  EXPECT_TRUE(pool.Do(AcquireLease{alice, alices}).grant.has_value())
      << "after a start, verifiers have the time to be heard";
  pool.Advance(pool.policy.verifier_term);
  EXPECT_EQ(IdleReason(bob, bobs), "NO_VERIFIER");
  Take("v1");
  EXPECT_TRUE(pool.Do(AcquireLease{bob, bobs}).grant.has_value());
}

TEST_F(VerifiersTest, AWorkerThatStartsAgainKeepsItsLeases) {
  const auto grant = pool.Do(AcquireLease{alice, alices}).grant;
  const SessionId again = pool.Open(alice, "a");
  EXPECT_EQ(state().Find(grant->lease.id)->session, again);
}

TEST_F(VerifiersTest, WhatNobodyCanCheckNowIsDrawn) {
  Take("v1");
  const auto grant = pool.Do(AcquireLease{alice, alices}).grant;
  ASSERT_TRUE(grant.has_value());
  pool.now += 2 * pool.policy.verifier_term;
  const TrialId trial = grant->lease.trials[0];
  pool.Commit(alice, alices, grant->lease, trial, 500);
  EXPECT_EQ(CommitmentOf(Find(trial)).draw_ppm, 1'000'000);
}

TEST_F(VerifiersTest, OneOfAnotherArithmeticIsRefused) {
  EXPECT_THAT(pool.Try(AcquireAudit{pool.verifier, "v1", {}}),
              FailsWith("ARITHMETIC_REPLACED"));
  EXPECT_THAT(pool.Try(AcquireAudit{pool.verifier, "v1", {"old/1"}}),
              FailsWith("ARITHMETIC_REPLACED"));
  EXPECT_THAT(pool.Try(OpenSession{alice, "a", 1, "old/1"}),
              FailsWith("ARITHMETIC_REPLACED"));
  EXPECT_TRUE(
      pool.Try(AcquireAudit{
                   pool.verifier, "v1", {"old/1", std::string(kArithmetic)}})
          .ok());
}

// The bits do not hang on threads: one verifier examines whatever is trained.
TEST_F(VerifiersTest, ThreadsKeepNoAuditFromAVerifier) {
  Take("v1");
  for (const int64_t threads : {1, 2, 4}) {
    const SessionId session =
        pool.Do(OpenSession{alice, absl::StrCat("w", threads), threads});
    const TrialId trial = Committed(alice, session);
    EXPECT_EQ(Look("v1", Right()).state, TrialState::kAccepted) << threads;
    EXPECT_EQ(Find(trial).arithmetic, kArithmetic);
  }
}

TEST_F(VerifiersTest, ALeaseThatRunsOutCountsAgainstTheVerifierAlone) {
  const TrialId trial = Committed(alice, alices);
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(Take(absl::StrCat("v", i)).has_value());
    pool.Advance(pool.policy.audit_term + absl::Seconds(30));
  }
  EXPECT_EQ(Find(trial).state, TrialState::kUploaded);
  EXPECT_TRUE(AuditOf(trial).looks.empty());
  EXPECT_EQ(Look("healthy", Right()).state, TrialState::kAccepted);
}

TEST_F(VerifiersTest, AVerifierRenewsItsLeaseWhileItExamines) {
  Committed(alice, alices);
  const auto grant = Take("v1");
  ASSERT_TRUE(grant.has_value());
  const RenewAudit renewal{pool.verifier, grant->audit.id, grant->audit.attempt,
                           "v1"};
  EXPECT_LT(*grant->audit.expire_time, grant->end_time);
  while (pool.now < grant->end_time - pool.policy.audit_term / 2) {
    EXPECT_GT(pool.Do(renewal), absl::ZeroDuration());
    pool.Advance(pool.policy.audit_term / 2);
  }
  EXPECT_EQ(pool.now + pool.Do(renewal), grant->end_time) << "not for ever";
  pool.Advance(pool.policy.audit_term);
  EXPECT_THAT(pool.Try(renewal), FailsWith("AUDIT_SUPERSEDED"));
  EXPECT_THAT(pool.Try(RenewAudit{pool.verifier, AuditId{999}, 1, "v1"}),
              FailsWith("AUDIT_UNKNOWN"));
}

TEST_F(VerifiersTest, ASickVerifierRejectsNothingBesideABusyOne) {
  const TrialId busy_with = Committed(bob, bobs);
  const auto held = Take("healthy");
  ASSERT_EQ(held->trial.id, busy_with);
  std::vector<TrialId> trials;
  for (int i = 0; i < 5; ++i) trials.push_back(Committed(alice, alices));
  int failures = 0;
  for (int i = 0; i < 120; ++i) {
    if (const auto grant = Take("sick")) {
      Say(*grant, AuditInconclusive{"EXAMINER_CRASHED"});
      ++failures;
    }
    pool.Do(RenewAudit{pool.verifier, held->audit.id, held->audit.attempt,
                       "healthy"});
    pool.Advance(absl::Seconds(1));
  }
  EXPECT_LE(failures, 4) << "it rests longer each time";
  Say(*held, Right());
  for (const TrialId trial : trials) {
    EXPECT_EQ(Find(trial).state, TrialState::kUploaded);
    EXPECT_EQ(Look("healthy", Right()).state, TrialState::kAccepted);
  }
}

class OutvotedTest : public VerifiersTest {
 protected:
  // By v2 and v3, twice.
  void SetLiarAside() {
    for (int i = 0; i < 2; ++i) {
      Committed(alice, alices);
      const auto held = Take("liar");
      ASSERT_TRUE(held.has_value());
      Take("v2");
      Take("v3");
      Say(*held, TrainingRefuted{"SEGMENT_FALSE"});
      Look("v2", Right());
      Look("v3", Right());
    }
  }
};

TEST_F(OutvotedTest, WhoIsOutvotedIsSetAsideUnlessItIsTheLast) {
  SetLiarAside();
  const auto review = pool.Do(ReviewVerifiers{});
  for (const auto& one : review.verifiers) {
    EXPECT_EQ(one.is_set_aside, one.key.name == "liar") << one.key.name;
  }
  Committed(alice, alices);
  EXPECT_FALSE(Take("liar").has_value());
  Committed(bob, bobs);
  pool.Advance(pool.policy.second_look_max);
  ASSERT_TRUE(Take("v3").has_value()) << "somebody else is there";
  EXPECT_TRUE(Take("liar").has_value()) << "and leaves one too long";
}

TEST_F(OutvotedTest, IsAskedWhereNobodyElseIsHeard) {
  SetLiarAside();
  Committed(alice, alices);
  EXPECT_FALSE(Take("liar").has_value());
  EXPECT_EQ(Look("v2", Right()).state, TrialState::kAccepted);
  Committed(alice, alices);
  pool.Advance(pool.policy.verifier_term + absl::Minutes(1));
  EXPECT_TRUE(Take("liar").has_value()) << "nobody else was heard";
}

TEST_F(VerifiersTest, AuditsAreServedFairlyByMiner) {
  for (int i = 0; i < 20; ++i) Committed(alice, alices);
  const TrialId honest = Committed(bob, bobs);
  for (int i = 0; i < 2; ++i) Look("v1", Right());
  EXPECT_EQ(Find(honest).state, TrialState::kAccepted);
}

TEST_F(VerifiersTest, NoMoreIsLeasedThanVerifiersCanTakeOnInTime) {
  Take("v1");
  std::string idle;
  int leased = 0;
  for (; leased < 2'000; ++leased) {
    const auto reply = pool.Do(AcquireLease{alice, alices});
    idle = reply.idle_reason;
    if (!reply.grant) break;
    pool.Deliver(alice, alices, reply.grant->lease,
                 reply.grant->assignments.at(0).trial, 500);
    if (leased == 3) {
      // A slow one, as it shows.
      const auto grant = Take("v1");
      pool.Do(ReportAudit{pool.verifier, grant->audit.id, grant->audit.attempt,
                          "v1", Right(), absl::Minutes(9)});
    }
  }
  EXPECT_EQ(idle, "VERIFIERS_BUSY");
  EXPECT_GT(leased, 4);
  EXPECT_LT(leased, 10) << "nine minutes each";
}

class QueueTest : public VerifiersTest {
 protected:
  // A verifier that is there all the while, and never ends an examination.
  void Pass(absl::Duration time) {
    for (const absl::Time end = pool.now + time; pool.now < end;) {
      Take("slow");
      pool.Advance(absl::Minutes(1));
    }
  }
};

// What falls due at a task's end may be more than verifiers do in an hour.
TEST_F(QueueTest, WhileVerifiersWorkNothingIsDecidedWithoutThem) {
  std::vector<TrialId> trials;
  for (int i = 0; i < 3; ++i) trials.push_back(Committed(alice, alices));
  pool.Do(CancelTask{task, pool.client});
  Pass(4 * pool.policy.audit_wait_term);
  for (const TrialId trial : trials) {
    EXPECT_EQ(Find(trial).state, TrialState::kUploaded) << Find(trial).reason;
  }
  pool.VerifyAll();
  EXPECT_EQ(state().Find(task), nullptr) << "it ended, and all are paid";
}

TEST_F(QueueTest, NotForEver) {
  const TrialId trial = Committed(alice, alices);
  const absl::Time due = *AuditOf(trial).decide_time;
  Pass(kAuditWaitMax - absl::Minutes(5));
  EXPECT_EQ(Find(trial).state, TrialState::kUploaded);
  Pass(due - *AuditOf(trial).wait_time);
  EXPECT_EQ(Find(trial).reason, "UNVERIFIED");
  EXPECT_EQ(Alice().rejections_in_a_row, 0);
}

TEST_F(QueueTest, NorOnceTheyHaveGone) {
  const TrialId trial = Committed(alice, alices);
  Pass(3 * pool.policy.audit_wait_term);
  EXPECT_EQ(Find(trial).state, TrialState::kUploaded);
  pool.Advance(pool.policy.audit_wait_term + pool.policy.audit_term +
               absl::Minutes(1));
  EXPECT_EQ(Find(trial).reason, "UNVERIFIED");
}

// Nothing new is to be learnt of it.
TEST_F(QueueTest, NorWhereOneLookedAndCouldNotTell) {
  const TrialId trial = Committed(alice, alices);
  const absl::Time due = *AuditOf(trial).decide_time;
  Look("sick", AuditInconclusive{"EXAMINER_CRASHED"});
  pool.Advance(due - pool.now - absl::Minutes(1));
  Take("well");
  pool.Advance(pool.policy.audit_term + absl::Minutes(2));
  EXPECT_EQ(Find(trial).reason, "UNVERIFIED");
}

TEST_F(VerifiersTest, AnOperatorVoidsATrial) {
  const TrialId trial = Committed(alice, alices);
  EXPECT_THAT(pool.Try(VoidTrial{TrialId{999}}), FailsWith("TRIAL_UNKNOWN"));
  pool.Do(VoidTrial{trial});
  EXPECT_EQ(Find(trial).reason, "VOIDED_BY_OPERATOR");
  EXPECT_FALSE(state().audits().Of(trial).IsSet());
  EXPECT_EQ(Alice().rejections_in_a_row, 0);
  pool.Do(VoidTrial{trial});
  const auto lease = pool.Do(AcquireLease{alice, alices});
  EXPECT_THAT(pool.Try(VoidTrial{lease.grant->assignments.at(0).trial}),
              FailsWith("TRIAL_NOT_COMMITTED"));
}

TEST_F(VerifiersTest, OnlyWhatIsVerifiedHidesOthers) {
  Committed(alice, alices, 1'000);
  const TrialId honest = Committed(bob, bobs, 900);
  EXPECT_TRUE(AuditOf(honest).measures_all);
}

TEST_F(VerifiersTest, TheReviewTellsWhatWaits) {
  Take("v1");
  Committed(alice, alices);
  pool.Advance(absl::Minutes(3));
  const auto review = pool.Do(ReviewVerifiers{});
  EXPECT_EQ(review.working, 1);
  EXPECT_EQ(review.waiting, 1);
  EXPECT_EQ(review.oldest, absl::Minutes(3));
  ASSERT_EQ(review.verifiers.size(), 1u);
  EXPECT_TRUE(review.verifiers[0].is_heard);
}

}  // namespace
}  // namespace archpool
