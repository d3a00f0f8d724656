// SPDX-License-Identifier: Apache-2.0
// What the pool promises about proof: who is drawn, what is asked, what a
// rejection costs, and that nothing is paid for unproven.
#include <optional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/leaves/audit_draw.h"
#include "server/core/pool.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

TEST(AuditDrawTest, FollowsTheSecretAndNothingAMinerKnows) {
  TaskSpec spec = TinySpec(4);
  Task task{.spec = std::make_shared<const TaskSpec>(spec),
            .secret = Sha256("secret")};
  Trial trial{.lease = LeaseId{7}, .architecture_id = Sha256("network")};
  const AuditDraw draw = DrawOf(task, trial);
  EXPECT_EQ(DrawOf(task, trial).seed, draw.seed);
  Trial claimed = trial;  // what it commits to changes nothing
  claimed.commitment.emplace().checkpoint_root = Sha256("root");
  claimed.commitment->claimed_correct = 999;
  EXPECT_EQ(DrawOf(task, claimed).seed, draw.seed);
  Task other = task;
  other.secret = Sha256("another");
  EXPECT_NE(DrawOf(other, trial).seed, draw.seed);
  trial.lease = LeaseId{8};
  EXPECT_NE(DrawOf(task, trial).seed, draw.seed);
}

TEST(AuditDrawTest, DrawsEverySegmentAndEveryLotAlike) {
  TaskSpec spec = TinySpec(4);
  const Task task{.spec = std::make_shared<const TaskSpec>(spec),
                  .secret = Sha256("secret")};
  std::vector<int> segments(16);
  int below_a_quarter = 0;
  constexpr int kDraws = 16'000;
  for (int64_t lease = 1; lease <= kDraws; ++lease) {
    const AuditDraw draw = DrawOf(
        task,
        Trial{.lease = LeaseId{lease}, .architecture_id = Sha256("network")});
    ++segments[static_cast<size_t>(draw.segment)];
    below_a_quarter += draw.lot_ppm < 250'000 ? 1 : 0;
  }
  for (const int count : segments) EXPECT_NEAR(count, kDraws / 16, 150);
  EXPECT_NEAR(below_a_quarter, kDraws / 4, 250);
}

TEST(AuditDrawTest, TheRateFallsToItsFloorInTwentyPasses) {
  const PoolPolicy policy;
  int64_t rate = 1'000'000;
  int passes = 0;
  while (rate > policy.audit_floor_ppm) {
    rate = RateAfterPass(policy, rate);
    ++passes;
  }
  EXPECT_EQ(passes, 20);
  EXPECT_EQ(RateAfterPass(policy, rate), policy.audit_floor_ppm);
}

class ProofTest : public ::testing::Test {
 protected:
  // Equal results would make the only box look hopeless.
  static PoolPolicy WithoutPruning() {
    PoolPolicy policy;
    policy.results_to_split = 1'000'000;
    return policy;
  }
  ProofTest() : ProofTest(WithoutPruning()) {}
  explicit ProofTest(const PoolPolicy& policy) : pool(policy) {
    alice = pool.Make("alice", Role::kMiner);
    session = pool.Open(alice, "w1");
    TaskSpec spec = TinySpec(60);
    spec.budget.work_units = kWorkUnitsMax;
    spec.subspaces = 1;
    spec.trials_per_lease = 1;
    task = pool.Submit(spec);
    // So good and so cheap that nothing after it is a candidate for the front.
    Architecture cheapest;
    cheapest.choices = {0, 0, 1};
    pool.Do(RankCandidates{.task = task, .candidates = {cheapest}});
    Next(1'000);
    pool.VerifyAll();
  }
  // Takes and commits the next trial.
  TrialId Next(int64_t claim = 500) {
    const auto reply = pool.Do(AcquireLease{alice, session});
    ARCHPOOL_CHECK(reply.grant.has_value());
    const TrialId trial = reply.grant->assignments.at(0).trial;
    pool.Commit(alice, session, reply.grant->lease, trial, claim);
    return trial;
  }
  const Trial& Find(TrialId trial) { return *pool.pool.state().Find(trial); }
  const Account& Alice() { return *pool.pool.state().Find(alice); }
  // Commits trials until one is drawn, and it waits for an answer.
  TrialId NextDrawn() {
    for (;;) {
      const TrialId trial = Next();
      if (Find(trial).state == TrialState::kCommitted) return trial;
    }
  }
  ReportAudit::Reply Report(const std::string& verifier,
                            const AuditFinding& finding) {
    const auto grant = pool.Do(AcquireAudit{pool.verifier, verifier});
    ARCHPOOL_CHECK(grant.has_value());
    return pool.Do(ReportAudit{pool.verifier, grant->audit.id,
                               grant->audit.attempt, verifier, finding});
  }

  TestPool pool;
  AccountId alice;
  SessionId session;
  TaskId task;
};

TEST_F(ProofTest, AProvenMinerIsAuditedLessOftenAndANewOneAlways) {
  EXPECT_EQ(CommitmentOf(Find(Next())).draw_ppm, 930'000) << "after one pass";
  int drawn = 0;
  for (int i = 0; i < 60; ++i) {
    Next();
    pool.VerifyAll();
  }
  EXPECT_EQ(Alice().audit_rate_ppm, pool.policy.audit_floor_ppm);
  for (int i = 0; i < 60; ++i) {
    drawn += Find(Next()).state == TrialState::kCommitted ? 1 : 0;
    pool.VerifyAll();
  }
  EXPECT_GT(drawn, 6);
  EXPECT_LT(drawn, 26);
}

TEST_F(ProofTest, WhatIsNotDrawnIsAcceptedUnmeasured) {
  for (;;) {
    const TrialId trial = Next();
    pool.VerifyAll();
    if (BasisOf(Find(trial)) != TrialBasis::kSampledOut) continue;
    EXPECT_EQ(Find(trial).measured, std::nullopt);
    EXPECT_EQ(VerifiedAccuracyPpm(Find(trial)), std::nullopt);
    EXPECT_FALSE(IsMatured(Find(trial)));
    break;
  }
}

TEST_F(ProofTest, CreditMaturesByWholeBlocksAndStaysMatured) {
  std::vector<TrialId> trials;
  for (int i = 0; i < 38; ++i) {
    trials.push_back(Next());
    pool.VerifyAll();
  }
  EXPECT_FALSE(IsMatured(Find(trials[0]))) << "no second block yet";
  trials.push_back(Next());
  pool.VerifyAll();
  EXPECT_TRUE(IsMatured(Find(trials[0])));
  EXPECT_TRUE(IsMatured(Find(trials[18]))) << "twenty with the very first";
  EXPECT_FALSE(IsMatured(Find(trials[19])));

  const TrialId fake = NextDrawn();
  pool.Answer(alice, fake);
  Report("v1", WeightsUnusable{"WEIGHTS_MISMATCH"});
  EXPECT_EQ(Report("v2", WeightsUnusable{"WEIGHTS_MISMATCH"}).state,
            TrialState::kRejected);
  EXPECT_EQ(Find(trials[0]).state, TrialState::kAccepted);
  EXPECT_EQ(Find(trials[19]).reason, "CREDIT_VOID");
  EXPECT_EQ(Alice().audit_rate_ppm, 1'000'000) << "all again";
}

// Recompute before blaming: one verifier alone condemns nobody.
TEST_F(ProofTest, ARefutedReplayIsSeenByAnotherVerifier) {
  const TrialId trial = NextDrawn();
  pool.Answer(alice, trial);
  EXPECT_EQ(Report("v1", TrainingRefuted{"SEGMENT_FALSE"}).state,
            TrialState::kUploaded);
  EXPECT_FALSE(pool.Do(AcquireAudit{pool.verifier, "v1"}).has_value())
      << "not at once by the same one";
  EXPECT_EQ(Report("v2", WeightsMeasured{500, 490, false}).state,
            TrialState::kUploaded)
      << "they disagree";
  EXPECT_EQ(Report("v3", WeightsMeasured{500, 490, false}).state,
            TrialState::kAccepted);
  const TrialId fake = NextDrawn();
  pool.Answer(alice, fake);
  pool.Advance(pool.policy.verifier_term + absl::Seconds(1));
  Report("v1", TrainingRefuted{"SEGMENT_FALSE"});
  pool.Advance(pool.policy.second_look_term);
  EXPECT_EQ(Report("v1", TrainingRefuted{"SEGMENT_FALSE"}).state,
            TrialState::kUploaded)
      << "it may find everything false";
  EXPECT_EQ(Report("v2", TrainingRefuted{"SEGMENT_FALSE"}).reason,
            "SEGMENT_FALSE");
}

// As where the validation split had been trained on between the audited
// segments; or where the splits differ, which the first whole replay shows.
TEST_F(ProofTest, AHeldOutSplitThatSpeaksAgainstItHasATrainingReplayedWhole) {
  const WeightsMeasured overfit{900, 700, true};
  const TrialId trial = NextDrawn();
  pool.Answer(alice, trial);
  EXPECT_EQ(Report("v1", overfit).state, TrialState::kUploaded);
  const auto& state = pool.pool.state();
  EXPECT_EQ(state.Find(state.audits().Of(trial))->kind, AuditKind::kWhole);
  EXPECT_EQ(Report("v1", overfit).state, TrialState::kAccepted);
  EXPECT_EQ(BasisOf(Find(trial)), TrialBasis::kReplayed);
  const TrialId next = NextDrawn();
  pool.Answer(alice, next);
  EXPECT_EQ(Report("v1", overfit).state, TrialState::kAccepted);
  EXPECT_EQ(BasisOf(Find(next)), TrialBasis::kAudited);
}

TEST_F(ProofTest, AnAuditNeverAnsweredIsARejection) {
  const TrialId trial = NextDrawn();
  for (absl::Duration t; t < pool.policy.upload_term + absl::Minutes(5);
       t += pool.policy.silence_term / 4) {
    if (Find(trial).state == TrialState::kCommitted) {
      EXPECT_EQ(pool.Do(ReviewTrials{alice, session, {trial}}).asked.size(),
                1u);
    }
    pool.Advance(pool.policy.silence_term / 4);
  }
  EXPECT_EQ(Find(trial).reason, "AUDIT_UNANSWERED");
  EXPECT_THAT(pool.Try(ConfirmUpload{alice, trial,
                                     CommitmentOf(Find(trial)).weights_digest}),
              FailsWith("UPLOAD_TOO_LATE"));
  EXPECT_EQ(pool.Do(ReviewTrials{alice, session, {trial}}).settled.size(), 1u);
}

TEST_F(ProofTest, AnOpeningOfAnotherSegmentIsRefusedAndMayBePutRight) {
  const TrialId trial = NextDrawn();
  const Audit audit =
      *pool.pool.state().Find(pool.pool.state().audits().Of(trial));
  const CheckpointChain chain = FakeChain(trial, 16);
  const int64_t other = (audit.segment + 1) % 16;
  EXPECT_THAT(pool.Try(RevealSegment{alice, trial, chain.Open(other)}),
              FailsWith("OPENING_FALSE"));
  const AccountId bob = pool.Make("bob", Role::kMiner);
  EXPECT_THAT(pool.Try(RevealSegment{bob, trial, chain.Open(audit.segment)}),
              FailsWith("AUDIT_UNKNOWN"));
  pool.Answer(alice, trial);
  EXPECT_EQ(Report("v1", WeightsMeasured{500, 490, false}).state,
            TrialState::kAccepted);
}

TEST_F(ProofTest, WeightsThatAreNotTheRootsLastAreRefused) {
  const auto grant = pool.Do(AcquireLease{alice, session}).grant;
  const TrialId trial = grant->assignments.at(0).trial;
  TrialReport report = FakeReport(trial, 16, 500);
  report.weights_digest = Sha256("others");
  const auto results =
      pool
          .Do(ReportTrials{
              alice, session, grant->lease.id, grant->lease.attempt, {report}})
          .results;
  EXPECT_THAT(results[0].status, FailsWith("COMMITMENT_FALSE"));
}

// A size told wrongly after the file came would make the audit fail, not the
// trial.
TEST_F(ProofTest, AnotherOpeningHasItsFilesSentAgain) {
  TrialId trial = NextDrawn();
  const auto audit_of = [&] {
    return *pool.pool.state().Find(pool.pool.state().audits().Of(trial));
  };
  while (audit_of().segment == 0) trial = NextDrawn();
  const int64_t segment = audit_of().segment;
  const CheckpointChain chain = FakeChain(trial, 16);
  Opening opening = chain.Open(segment);
  pool.Do(RevealSegment{alice, trial, opening});
  pool.Do(ConfirmUpload{alice, trial, chain.boundary(segment).weights, true});
  EXPECT_EQ(audit_of().missing & kPartBeginWeights, 0);
  opening.begin.weights_size_bytes = 1;
  pool.Do(RevealSegment{alice, trial, opening});
  EXPECT_NE(audit_of().missing & kPartBeginWeights, 0);
}

// They are kept in different places, and a checkpoint's are dropped.
TEST_F(ProofTest, AFileCountsForWhatItWasSentAs) {
  TrialId trial = NextDrawn();
  const auto audit_of = [&] {
    return *pool.pool.state().Find(pool.pool.state().audits().Of(trial));
  };
  while (audit_of().segment == 0) trial = NextDrawn();
  const Digest weights = CommitmentOf(Find(trial)).weights_digest;
  const int64_t segment = audit_of().segment;
  const CheckpointChain chain = FakeChain(trial, 16);
  pool.Do(RevealSegment{alice, trial, chain.Open(segment)});
  EXPECT_THAT(pool.Try(ConfirmUpload{alice, trial, weights, true}),
              FailsWith("UPLOAD_NOT_WANTED"));
  EXPECT_THAT(pool.Try(ConfirmUpload{alice, trial,
                                     chain.boundary(segment).weights, false}),
              FailsWith("UPLOAD_NOT_WANTED"));
}

// Another worker of the account answers for one that is gone.
TEST_F(ProofTest, WhatALostWorkerOwesIsAskedOfTheAccountsOthers) {
  const TrialId trial = NextDrawn();
  const SessionId second = pool.Open(alice, "w2");
  EXPECT_TRUE(pool.Do(ReviewTrials{alice, second, {}}).asked.empty())
      << "its own worker lives";
  const SessionId again = pool.Open(alice, "w1");  // its disk was lost
  const auto review = pool.Do(ReviewTrials{alice, again, {}});
  ASSERT_EQ(review.asked.size(), 1u);
  EXPECT_EQ(review.asked[0].request.trial, trial);
  EXPECT_EQ(review.asked[0].grant.assignments.at(0).trial, trial);
  EXPECT_EQ(pool.Do(ReviewTrials{alice, second, {}}).asked.size(), 1u);
}

// A machine that never comes back closes no session.
TEST_F(ProofTest, WhatASilentWorkerOwesIsAskedOfTheAccountsOthers) {
  const TrialId trial = NextDrawn();
  const SessionId silent = CommitmentOf(Find(trial)).session;
  const SessionId other = pool.Open(alice, "w2");
  const AccountId stranger = pool.Make("stranger", Role::kMiner);
  const SessionId theirs = pool.Open(stranger, "w1");
  const auto asked_of = [&](AccountId account, SessionId worker) {
    return pool.Do(ReviewTrials{account, worker, {}}).asked.size();
  };
  const auto review_all = [&] {
    EXPECT_EQ(asked_of(stranger, theirs), 0u);
    return asked_of(alice, other);
  };
  EXPECT_EQ(asked_of(alice, silent), 1u);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(review_all(), 0u) << "a heartbeat may be late";
    pool.Advance(pool.policy.silence_term / 4);
  }
  EXPECT_EQ(review_all(), 0u);
  pool.Advance(pool.policy.silence_term / 4);
  EXPECT_EQ(review_all(), 1u);
  EXPECT_EQ(asked_of(alice, silent), 1u) << "it is back, and may be quicker";
  EXPECT_EQ(review_all(), 0u);
}

// It may be busy with its answers, and renew its leases meanwhile.
TEST_F(ProofTest, AWorkerThatIsHeardOtherwiseIsNotSilent) {
  NextDrawn();
  const SessionId other = pool.Open(alice, "w2");
  for (int i = 0; i < 6; ++i) {
    pool.Do(AcquireLease{alice, session});
    EXPECT_TRUE(pool.Do(ReviewTrials{alice, other, {}}).asked.empty());
    pool.Advance(pool.policy.silence_term / 4);
  }
}

// Whatever kept all of them away, the first one back does not inherit.
TEST_F(ProofTest, WhoeverWasSilentHimselfFindsNobodySilent) {
  NextDrawn();
  const SessionId other = pool.Open(alice, "w2");
  pool.Do(ReviewTrials{alice, session, {}});
  pool.Do(ReviewTrials{alice, other, {}});
  pool.Advance(pool.policy.silence_term * 5 / 4);
  EXPECT_TRUE(pool.Do(ReviewTrials{alice, other, {}}).asked.empty());
}

// Time in which the pool was away is nobody's silence.
TEST_F(ProofTest, AnOutageMakesNoHeirs) {
  NextDrawn();
  const SessionId other = pool.Open(alice, "w2");
  pool.Do(ReviewTrials{alice, other, {}});
  pool.now += 10 * pool.policy.silence_term;
  pool.Do(Tick{});
  EXPECT_TRUE(pool.Do(ReviewTrials{alice, other, {}}).asked.empty());
}

class LateHeirTest : public ProofTest {
 protected:
  LateHeirTest() : ProofTest(WithTime()) {}
  static PoolPolicy WithTime() {
    PoolPolicy policy = WithoutPruning();
    policy.upload_term = 4 * policy.silence_term;
    return policy;
  }
};

TEST_F(LateHeirTest, ASecondIsAskedOnceHalfTheTimeIsOver) {
  const TrialId trial = NextDrawn();
  const std::vector<SessionId> others = {
      pool.Open(alice, "w2"), pool.Open(alice, "w3"), pool.Open(alice, "w4")};
  const auto asked = [&] {
    size_t all = 0;
    for (const SessionId other : others) {
      all += pool.Do(ReviewTrials{alice, other, {}}).asked.size();
    }
    return all;
  };
  const absl::Time begin = pool.now;
  const absl::Time end = *pool.pool.state()
                              .Find(pool.pool.state().audits().Of(trial))
                              ->expire_time;
  std::vector<size_t> seen;
  while (pool.now < begin + (end - begin) * 7 / 8) {
    const size_t now = asked();
    if (seen.empty() || seen.back() != now) seen.push_back(now);
    pool.Advance(absl::Seconds(5));
  }
  EXPECT_EQ(seen, (std::vector<size_t>{0, 1, 2}));
}

TEST_F(ProofTest, ATaskEndsWithNothingUnproven) {
  for (int i = 0; i < 10; ++i) Next();
  pool.Do(CancelTask{task, pool.client});
  (void)pool.pool.TakeEvents();
  pool.VerifyAll();
  ASSERT_EQ(pool.pool.state().Find(task), nullptr);
  std::map<TrialId, Trial> ended;
  for (const Event& event : pool.pool.TakeEvents()) {
    const auto* trial = std::get_if<Trial>(&event);
    if (trial != nullptr) ended[trial->id] = *trial;
  }
  int accepted = 0;
  int winners = 0;
  for (const auto& [id, trial] : ended) {
    if (trial.state != TrialState::kAccepted) continue;
    ++accepted;
    EXPECT_TRUE(IsMatured(trial));
    EXPECT_NE(BasisOf(trial), TrialBasis::kSampledOut) << "a short block";
    if (SettlementOf(trial).finders_bonus == 0) continue;
    ++winners;
    EXPECT_EQ(BasisOf(trial), TrialBasis::kReplayed);
  }
  EXPECT_EQ(accepted, 11);
  EXPECT_GE(winners, 1);
}

TEST_F(ProofTest, AShortBlockIsAskedForWhileOtherAuditsAreOpen) {
  TrialId sampled_out;
  for (int i = 0; i < 15 && !sampled_out.IsSet(); ++i) {
    const TrialId trial = Next();
    pool.VerifyAll();
    if (BasisOf(Find(trial)) == TrialBasis::kSampledOut) sampled_out = trial;
  }
  ASSERT_TRUE(sampled_out.IsSet());
  const TrialId open = NextDrawn();
  ASSERT_LT(pool.pool.state().IndexOf(task).tally.immature.at(alice).size(),
            20u);
  EXPECT_FALSE(pool.pool.state().audits().Of(sampled_out).IsSet());
  pool.Do(CancelTask{task, pool.client});
  EXPECT_TRUE(pool.pool.state().audits().Of(open).IsSet());
  EXPECT_TRUE(pool.pool.state().audits().Of(sampled_out).IsSet());
}

// A finalist that was never trained wins nothing, however good its weights.
TEST_F(ProofTest, AFinalistThatIsRefutedMakesRoomForTheNext) {
  const TrialId second = Next(999);
  pool.VerifyAll();
  pool.Do(CancelTask{task, pool.client});
  const auto refute = [&](const char* verifier) {
    const auto grant = pool.Do(AcquireAudit{pool.verifier, verifier});
    ASSERT_TRUE(grant.has_value());
    ASSERT_EQ(grant->audit.kind, AuditKind::kWhole);
    pool.Do(ReportAudit{pool.verifier, grant->audit.id, grant->audit.attempt,
                        verifier, TrainingRefuted{"TRAINING_FALSE"}});
  };
  refute("v1");
  refute("v2");
  // It voids what has not matured: there is nothing left to win.
  EXPECT_EQ(pool.pool.state().Find(task), nullptr);
  (void)second;
}

}  // namespace
}  // namespace archpool
