// SPDX-License-Identifier: Apache-2.0
// What verifiers' findings add up to: nobody is blamed on one verifier's word,
// and "cannot be verified" ends.
#include <optional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/verifiers_fixture.h"

namespace archpool {
namespace {

// Ransom: garbage while nobody verifies.
TEST_F(VerifiersTest, AnAuditThatNobodyTakesOnEndsWithoutBlame) {
  const TrialId trial = Committed(alice, alices);
  EXPECT_EQ(AuditOf(trial).state, AuditState::kWaiting);
  const absl::Time decided = *AuditOf(trial).decide_time;
  const WorkUnits reserved = state().IndexOf(task).tally.reserved_units;
  pool.Advance(decided - pool.now - absl::Seconds(1));
  EXPECT_EQ(Find(trial).state, TrialState::kUploaded);
  pool.Advance(absl::Minutes(2));
  EXPECT_EQ(Find(trial).reason, "UNVERIFIED");
  EXPECT_EQ(state().IndexOf(task).tally.reserved_units,
            reserved - Find(trial).work_units);
  EXPECT_EQ(Alice().rejections_in_a_row, 0);
}

TEST_F(VerifiersTest, AFinishingTaskEndsThoughNobodyVerifies) {
  Committed(alice, alices);
  pool.Do(CancelTask{task, pool.client});
  EXPECT_EQ(state().Find(task)->state, TaskState::kFinishing);
  pool.Advance(pool.policy.audit_wait_term + absl::Minutes(30));
  EXPECT_EQ(state().Find(task), nullptr);
  EXPECT_EQ(state().money().BalanceOf(Place::EscrowOf(task)), 0);
}

// It is not the trial's doing that a verifier went away.
TEST_F(VerifiersTest, AnInconclusiveFindingCountsOnceForEachVerifier) {
  const TrialId trial = Committed(alice, alices);
  Look("v1", AuditInconclusive{"EXAMINER_CRASHED"});
  EXPECT_EQ(AuditOf(trial).kind, AuditKind::kSegment);
  ASSERT_EQ(AuditOf(trial).looks.size(), 1u);
  EXPECT_FALSE(Take("v1").has_value()) << "it rests";
  pool.Advance(pool.policy.failure_pause);
  Look("v1", AuditInconclusive{"EXAMINER_CRASHED"});
  EXPECT_EQ(AuditOf(trial).looks.size(), 1u);
  EXPECT_EQ(AuditOf(trial).kind, AuditKind::kSegment) << "it is one verifier";
  Look("v2", AuditInconclusive{"EXAMINER_CRASHED"});
  EXPECT_EQ(AuditOf(trial).kind, AuditKind::kWhole)
      << "without what the miner sent";
}

// All verifiers fail, on whatever they take: nobody is blamed, and one that is
// well may still come.
TEST_F(VerifiersTest, WhereTheVerifiersAreTheSuspectsNoMinerIs) {
  const TrialId trial = Committed(alice, alices);
  const TrialId later = Committed(bob, bobs);
  const absl::Time end = *AuditOf(later).decide_time - absl::Minutes(1);
  const auto fail = [&] {
    for (const char* name : {"v1", "v2"}) {
      if (const auto grant = Take(name))
        Say(*grant, AuditInconclusive{"CRASHED"});
    }
    pool.Advance(absl::Seconds(30));
  };
  while (pool.now < end) fail();
  EXPECT_EQ(Find(trial).state, TrialState::kUploaded);
  const auto well = Take("v3");
  ASSERT_TRUE(well.has_value());
  Say(*well, Right());
  EXPECT_EQ(Find(well->trial.id).state, TrialState::kAccepted);
  const TrialId other = well->trial.id == trial ? later : trial;
  while (Find(other).state == TrialState::kUploaded) fail();
  EXPECT_EQ(Find(other).reason, "UNVERIFIED");
  EXPECT_EQ(Alice().rejections_in_a_row, 0);
  EXPECT_GE(pool.now, end);
}

// One was sick, and is well since; then two others are. That shows nothing of
// the trial.
TEST_F(VerifiersTest, WhoFailedOnceAndIsWellSinceIsNoWitness) {
  const TrialId trial = Committed(alice, alices);
  Look("v1", AuditInconclusive{"CRASHED"});
  Committed(bob, bobs);
  pool.Advance(pool.policy.failure_pause);
  const auto of_bob = Take("v1");
  ASSERT_TRUE(of_bob.has_value());
  ASSERT_NE(of_bob->trial.id, trial);
  Say(*of_bob, Right());
  Look("v2", AuditInconclusive{"CRASHED"});
  EXPECT_EQ(AuditOf(trial).kind, AuditKind::kWhole);
  pool.Advance(pool.policy.unverifiable_term);
  Look("v2", AuditInconclusive{"CRASHED"});
  Look("v3", AuditInconclusive{"CRASHED"});
  ASSERT_EQ(Find(trial).state, TrialState::kUploaded) << Find(trial).reason;
  Look("v1", Right());
  EXPECT_EQ(Find(trial).state, TrialState::kAccepted);
}

class SampledTest : public VerifiersTest {
 protected:
  static PoolPolicy Policy() {
    PoolPolicy policy = Strict();
    policy.audit_floor_ppm = 250'000;
    policy.verifier_term = absl::Minutes(30);
    return policy;
  }
  SampledTest() : VerifiersTest(Policy()) {
    Committed(alice, alices, 900);
    pool.VerifyAll();
  }
  void Prove(AccountId miner, SessionId session) {
    while (state().Find(miner)->audit_rate_ppm > pool.policy.audit_floor_ppm) {
      Committed(miner, session);
      pool.VerifyAll();
    }
  }
  // Whose audit waits for verifiers.
  TrialId Drawn(AccountId miner, SessionId session) {
    for (;;) {
      const TrialId trial = Committed(miner, session);
      if (Find(trial).state == TrialState::kUploaded) return trial;
    }
  }
};

// Verifiers fail on this trial and on no other: then it is the trial, and what
// was taken without a check is examined.
TEST_F(SampledTest, WhereTheTrialIsTheSuspectItsMinerIsLookedAt) {
  const TrialId trial = Drawn(alice, alices);
  while (Find(trial).state == TrialState::kUploaded) {
    const TrialId honest = Drawn(bob, bobs);
    for (const char* name : {"v1", "v2"}) {
      for (int i = 0; i < 2; ++i) {
        const auto grant = Take(name);
        if (!grant) break;
        if (grant->trial.id == trial) {
          Say(*grant, AuditInconclusive{"CRASHED"});
        } else {
          Say(*grant, Right());
        }
      }
    }
    pool.Advance(absl::Seconds(30));
    EXPECT_NE(Find(honest).state, TrialState::kRejected);
  }
  EXPECT_EQ(Find(trial).reason, "UNVERIFIABLE");
  EXPECT_EQ(Alice().audit_rate_ppm, 1'000'000);
}

TEST_F(SampledTest, WhatAProvenMinerHasWaitingIsPaidUpToACap) {
  Prove(alice, alices);
  std::vector<TrialId> waiting;
  while (waiting.size() < 4) waiting.push_back(Drawn(alice, alices));
  const int64_t accepted = Alice().trials_accepted;
  pool.Advance(pool.policy.audit_wait_term + absl::Minutes(10));
  int paid = 0;
  for (const TrialId trial : waiting) {
    if (Find(trial).state == TrialState::kAccepted) {
      ++paid;
      EXPECT_EQ(BasisOf(Find(trial)), TrialBasis::kUnverified);
      EXPECT_EQ(VerifiedAccuracyPpm(Find(trial)), std::nullopt);
    } else {
      EXPECT_EQ(Find(trial).reason, "UNVERIFIED");
    }
  }
  EXPECT_EQ(paid, pool.policy.unverified_per_block_max);
  EXPECT_EQ(Alice().trials_accepted, accepted) << "it buys no standing";
  EXPECT_EQ(Alice().audit_rate_ppm, pool.policy.audit_floor_ppm);
}

// What was no witness while the audit was open is none when its time is over.
TEST_F(SampledTest, WhoFailedOnceAndIsWellSinceCostsNobodyHisPay) {
  Prove(alice, alices);
  const TrialId trial = Drawn(alice, alices);
  Look("v1", AuditInconclusive{"CRASHED"});
  Drawn(bob, bobs);
  pool.Advance(pool.policy.failure_pause);
  const auto of_bob = Take("v1");
  ASSERT_TRUE(of_bob.has_value());
  ASSERT_NE(of_bob->trial.id, trial);
  Say(*of_bob, Right());
  pool.Advance(pool.policy.audit_wait_term + absl::Minutes(10));
  EXPECT_EQ(Find(trial).state, TrialState::kAccepted) << Find(trial).reason;
  EXPECT_EQ(BasisOf(Find(trial)), TrialBasis::kUnverified);
}

// It breaks whoever looks, but too few look in time to say so while they may:
// it is not paid for that, however much else they find true since.
TEST_F(SampledTest, WhatBreaksAVerifierThatIsWellIsNotPaidUnverified) {
  Prove(alice, alices);
  const TrialId trial = Drawn(alice, alices);
  const auto find_another = [&] {
    const TrialId other = Drawn(bob, bobs);
    const auto grant = Take("v1");
    ASSERT_TRUE(grant.has_value());
    ASSERT_EQ(grant->trial.id, other);
    Say(*grant, Right());
    pool.Advance(absl::Seconds(1));
  };
  Look("v1", AuditInconclusive{"CRASHED"});
  pool.Advance(pool.policy.failure_pause);
  find_another();
  const auto again = Take("v1");
  ASSERT_TRUE(again.has_value());
  ASSERT_EQ(again->trial.id, trial);
  Say(*again, AuditInconclusive{"CRASHED"});
  EXPECT_TRUE(IsTheTrials(AuditOf(trial)));
  pool.Advance(2 * pool.policy.failure_pause);
  find_another();
  pool.Advance(pool.policy.audit_wait_term + absl::Minutes(10));
  EXPECT_EQ(Find(trial).reason, "UNVERIFIED");
  EXPECT_EQ(Alice().rejections_in_a_row, 0);
}

// An audit of an unproven miner is not paid for that nobody looked.
TEST_F(SampledTest, WhatAnUnprovenMinerHasWaitingIsNot) {
  const TrialId trial = Drawn(bob, bobs);
  pool.Advance(pool.policy.audit_wait_term + absl::Minutes(10));
  EXPECT_EQ(Find(trial).reason, "UNVERIFIED");
}

TEST_F(SampledTest, WhatNobodyVerifiedNeverWins) {
  Prove(alice, alices);
  const TrialId top = Committed(alice, alices, 1'000);
  ASSERT_EQ(Find(top).state, TrialState::kUploaded);
  pool.Do(CancelTask{task, pool.client});
  (void)pool.pool.TakeEvents();
  const absl::Time end =
      pool.now + 3 * (pool.policy.audit_wait_term + absl::Minutes(10));
  while (state().Find(task) != nullptr && pool.now < end) {
    std::vector<TrialId> open;
    for (const AuditId audit : state().IndexOf(task).audits) {
      open.push_back(state().Find(audit)->trial);
    }
    for (const TrialId trial : open) pool.Answer(alice, trial);
    pool.Advance(absl::Minutes(1));
  }
  EXPECT_EQ(state().Find(task), nullptr);
  int paid = 0;
  for (const Event& event : pool.pool.TakeEvents()) {
    const auto* trial = std::get_if<Trial>(&event);
    if (trial == nullptr) continue;
    EXPECT_EQ(SettlementOf(*trial).finders_bonus, 0);
    paid += IsMatured(*trial) ? 1 : 0;
  }
  EXPECT_GT(paid, 20) << "what was verified before";
}

// One verifier's word is nobody's guilt, whatever it says.
TEST_F(VerifiersTest, EveryBlameTakesTwoVerifiers) {
  for (const AuditFinding& blame : std::vector<AuditFinding>{
           WeightsUnusable{"WEIGHTS_MISMATCH"},
           TrainingRefuted{"SEGMENT_FALSE"}, WeightsMeasured{100, 100}}) {
    const TrialId trial = Committed(alice, alices);
    Take("v2");  // is heard, and is given the trial
    pool.Advance(pool.policy.audit_term + absl::Minutes(1));
    EXPECT_EQ(Look("v1", blame).state, TrialState::kUploaded);
    EXPECT_EQ(IdleReason(alice, alices), "BLAME_OPEN");
    EXPECT_FALSE(Take("v1").has_value());
    EXPECT_EQ(Look("v2", blame).state, TrialState::kRejected);
    EXPECT_FALSE(state().audits().Of(trial).IsSet());
    EXPECT_FALSE(state().audits().BlamedOf(alice).IsSet());
    pool.Advance(absl::Minutes(1));
  }
  EXPECT_EQ(Alice().state, AccountState::kSuspended) << "three in a row";
}

TEST_F(VerifiersTest, ASecondNameIsNoSecondAccountWhereOneWasHeard) {
  const TrialId trial = Committed(alice, alices);
  const auto first = Take("v1");
  EXPECT_FALSE(Take("w", other_account).has_value());
  Say(*first, TrainingRefuted{"SEGMENT_FALSE"});
  EXPECT_FALSE(Take("v2").has_value());
  const auto second = Take("w", other_account);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(Say(*second, TrainingRefuted{"SEGMENT_FALSE"}).state,
            TrialState::kRejected);
  EXPECT_EQ(Find(trial).reason, "SEGMENT_FALSE");
}

TEST_F(VerifiersTest, TheOnlyVerifierDoesTheTrainingAgainBeforeItIsBelieved) {
  const TrialId trial = Committed(alice, alices);
  Look("v1", TrainingRefuted{"SEGMENT_FALSE"});
  pool.Advance(pool.policy.second_look_term);
  EXPECT_FALSE(Take("v1").has_value())
      << "after a start, others may not have been heard yet";
  pool.Advance(pool.policy.verifier_term);
  auto again = Take("v1");
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->audit.kind, AuditKind::kWhole);
  EXPECT_EQ(Say(*again, TrainingRefuted{"TRAINING_FALSE"}).state,
            TrialState::kUploaded)
      << "it may find everything false";
  pool.Advance(pool.policy.second_look_max);
  EXPECT_FALSE(Take("v1").has_value());
  Committed(bob, bobs);
  EXPECT_EQ(Look("v1", Right()).state, TrialState::kAccepted);
  again = Take("v1");
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(Say(*again, TrainingRefuted{"TRAINING_FALSE"}).state,
            TrialState::kRejected);
  EXPECT_EQ(Find(trial).reason, "TRAINING_FALSE");
  const TrialId honest = Committed(bob, bobs);
  Look("v1", TrainingRefuted{"SEGMENT_FALSE"});
  pool.Advance(pool.policy.second_look_term);
  EXPECT_EQ(Look("v1", Right()).state, TrialState::kAccepted);
  EXPECT_EQ(BasisOf(Find(honest)), TrialBasis::kReplayed);
}

// A verifier that finds everything false, while the others are away: it has
// nothing to tell a false trial by.
TEST_F(VerifiersTest, WhoFindsEverythingFalseConvictsNobodyAlone) {
  const TrialId trial = Committed(alice, alices);
  const TrialId other = Committed(bob, bobs);
  const absl::Time end = *AuditOf(trial).decide_time - absl::Minutes(1);
  pool.Advance(pool.policy.verifier_term);
  int looks = 0;
  while (pool.now < end) {
    if (const auto grant = Take("sick")) {
      ++looks;
      EXPECT_EQ(Say(*grant, TrainingRefuted{"TRAINING_FALSE"}).state,
                TrialState::kUploaded);
    }
    pool.Advance(absl::Seconds(30));
  }
  EXPECT_LE(looks, 4) << "it would find the same again";
  for (const char* name : {"v2", "v3"}) {
    while (const auto grant = Take(name)) Say(*grant, Right());
  }
  EXPECT_EQ(Find(trial).state, TrialState::kAccepted);
  EXPECT_EQ(Find(other).state, TrialState::kAccepted);
  EXPECT_EQ(Alice().trials_rejected, 0);
}

TEST_F(VerifiersTest, TwoThatDisagreeGoToAThird) {
  const TrialId honest = Committed(alice, alices);
  const auto take_all = [&] {
    // All three are heard; one has the audit.
    const auto held = Take("v1");
    EXPECT_FALSE(Take("v2").has_value());
    EXPECT_FALSE(Take("v3").has_value());
    return *held;
  };
  Say(take_all(), TrainingRefuted{"SEGMENT_FALSE"});
  EXPECT_EQ(Look("v2", Right()).state, TrialState::kUploaded);
  EXPECT_FALSE(Take("v2").has_value()) << "the third is there";
  EXPECT_EQ(Look("v3", Right()).state, TrialState::kAccepted);
  EXPECT_EQ(BasisOf(Find(honest)), TrialBasis::kAudited);
  const TrialId fake = Committed(alice, alices);
  Say(take_all(), TrainingRefuted{"SEGMENT_FALSE"});
  EXPECT_EQ(Look("v2", Right()).state, TrialState::kUploaded);
  EXPECT_EQ(Look("v3", TrainingRefuted{"SEGMENT_FALSE"}).state,
            TrialState::kRejected);
  EXPECT_EQ(Find(fake).reason, "SEGMENT_FALSE");
}

TEST_F(VerifiersTest, WhereThereIsNoThirdTheTrainingIsDoneAgain) {
  const TrialId honest = Committed(alice, alices);
  Look("sick", TrainingRefuted{"SEGMENT_FALSE"});
  EXPECT_EQ(Look("v2", Right()).state, TrialState::kUploaded);
  pool.Advance(pool.policy.second_look_term);
  EXPECT_FALSE(Take("sick").has_value()) << "it has said what it says";
  const auto whole = Take("v2");
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(whole->audit.kind, AuditKind::kWhole);
  EXPECT_EQ(Say(*whole, Right()).state, TrialState::kAccepted);
  EXPECT_EQ(BasisOf(Find(honest)), TrialBasis::kReplayed);
}

// The second never comes: that ends too, and the miner is not blamed.
TEST_F(VerifiersTest, AMissingSecondDelaysABlameByABoundedTime) {
  const TrialId trial = Committed(alice, alices);
  const auto held = Take("v1");
  Take("v2");
  Say(*held, TrainingRefuted{"SEGMENT_FALSE"});
  const absl::Time end = pool.now + pool.policy.audit_wait_term +
                         pool.policy.second_look_max + absl::Minutes(30);
  bool was_done_again = false;
  while (Find(trial).state == TrialState::kUploaded && pool.now < end) {
    // It is there, and busy with something else.
    (void)pool.Try(RenewAudit{pool.verifier, AuditId{999}, 1, "v2"});
    pool.Advance(absl::Minutes(1));
    if (const auto again = Take("v1")) {
      EXPECT_GE(pool.now - *held->audit.lease_time,
                pool.policy.second_look_max);
      was_done_again = true;
      Say(*again, TrainingRefuted{"TRAINING_FALSE"});
    }
  }
  EXPECT_TRUE(was_done_again);
  EXPECT_EQ(Find(trial).reason, "UNVERIFIED");
  EXPECT_EQ(Alice().rejections_in_a_row, 0);
}

// Whoever sends most is not served most.
// A claim of everything at the price of nothing hides nobody.

}  // namespace
}  // namespace archpool
