// SPDX-License-Identifier: Apache-2.0
// That the pool's own two evaluations differ is decided against nobody, and it
// ends; and whoever says so without need, or leads there with weights that it
// made up, gains nothing.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/verifiers_fixture.h"

namespace archpool {
namespace {

class AlarmsTest : public VerifiersTest {
 protected:
  explicit AlarmsTest(const PoolPolicy& policy = Strict())
      : VerifiersTest(policy) {}

  static AuditFinding Alarm() { return AuditInconclusive{kEvaluationsDiffer}; }

  VerifierStanding StandingOf(const std::string& name) {
    const auto review = pool.Do(ReviewVerifiers{});
    for (const auto& one : review.verifiers) {
      if (one.key == VerifierKey{pool.verifier, name}) return one.standing;
    }
    ARCHPOOL_CHECK(false);
    return {};
  }
  bool IsAudited(TrialId trial) const {
    return state().audits().Of(trial).IsSet();
  }
  // Each of them takes what it is given and says that of it, until the trial is
  // decided.
  void Repeat(const std::vector<std::string>& names,
              const AuditFinding& finding, TrialId trial) {
    for (int round = 0; round < 100 && IsAudited(trial); ++round) {
      for (const std::string& name : names) {
        if (const auto grant = Take(name)) Say(*grant, finding);
      }
      pool.Advance(absl::Seconds(30));
    }
  }
  void ExpectNoBlame() {
    EXPECT_EQ(Alice().rejections_in_a_row, 0);
    EXPECT_EQ(Alice().trials_rejected, 0);
  }
};

TEST_F(AlarmsTest, AnAlarmMarksNobodyAndAnotherDecides) {
  const TrialId trial = Committed(alice, alices);
  Look("v1", Alarm());
  const VerifierStanding alarmed = StandingOf("v1");
  EXPECT_EQ(alarmed.alarms, 1);
  EXPECT_EQ(alarmed.alarmed_about, trial);
  EXPECT_EQ(alarmed.failures_in_a_row, 0);
  EXPECT_TRUE(alarmed.failed_on.empty());
  EXPECT_EQ(AuditOf(trial).kind, AuditKind::kSegment);
  EXPECT_FALSE(Take("v1").has_value()) << "not the same one again at once";
  const TrialId next = Committed(bob, bobs);
  const auto grant = Take("v1");
  ASSERT_TRUE(grant.has_value()) << "it does not rest";
  EXPECT_EQ(grant->trial.id, next);
  Say(*grant, Right());
  EXPECT_EQ(Look("v2", Right()).state, TrialState::kAccepted);
  EXPECT_EQ(BasisOf(Find(trial)), TrialBasis::kAudited);
  EXPECT_EQ(StandingOf("v1").alarms_alone, 1);
  EXPECT_FALSE(StandingOf("v1").IsDoubted(pool.policy));
  EXPECT_EQ(StandingOf("v2").alarms_alone, 0);
  ExpectNoBlame();
}

TEST_F(AlarmsTest, WhatTwoFindAgainWithoutTheMinersBytesIsPaidUndecided) {
  const TrialId trial = Committed(alice, alices);
  Look("v1", Alarm());
  Look("v2", Alarm());
  EXPECT_EQ(AuditOf(trial).kind, AuditKind::kWhole);
  Repeat({"v1", "v2"}, Alarm(), trial);
  EXPECT_EQ(Find(trial).state, TrialState::kAccepted);
  EXPECT_EQ(BasisOf(Find(trial)), TrialBasis::kUnverified);
  EXPECT_EQ(StandingOf("v1").alarms, 2);
  EXPECT_EQ(StandingOf("v2").alarms, 2);
  EXPECT_EQ(StandingOf("v1").alarms_alone, 0);
  ExpectNoBlame();
}

TEST_F(AlarmsTest, TheOnlyVerifierRaisesItAgainAndAgain) {
  const TrialId trial = Committed(alice, alices);
  Repeat({"v1"}, Alarm(), trial);
  EXPECT_EQ(Find(trial).state, TrialState::kAccepted);
  EXPECT_EQ(BasisOf(Find(trial)), TrialBasis::kUnverified);
  EXPECT_EQ(StandingOf("v1").alarms, 2 * pool.policy.inconclusive_max);
  ExpectNoBlame();
}

// No miner is paid for weights that it made up to lie where no two
// implementations agree.
TEST_F(AlarmsTest, MadeUpWeightsAreFoundFalseByTheirTraining) {
  const TrialId trial = Committed(alice, alices);
  Look("v1", Alarm());
  Look("v2", Alarm());
  EXPECT_EQ(AuditOf(trial).kind, AuditKind::kWhole);
  Repeat({"v1", "v2"}, TrainingRefuted{"TRAINING_FALSE"}, trial);
  EXPECT_EQ(Find(trial).state, TrialState::kRejected);
  EXPECT_EQ(Find(trial).reason, "TRAINING_FALSE");
  EXPECT_EQ(Alice().rejections_in_a_row, 1);
}

TEST_F(AlarmsTest, ItEndsWithTheWait) {
  const TrialId trial = Committed(alice, alices);
  Look("v1", Alarm());
  Look("v2", Alarm());
  pool.Advance(pool.policy.failure_pause);
  Look("v1", Alarm());
  pool.Advance(*AuditOf(trial).decide_time - pool.now + absl::Minutes(1));
  EXPECT_EQ(Find(trial).state, TrialState::kAccepted);
  EXPECT_EQ(BasisOf(Find(trial)), TrialBasis::kUnverified);
  ExpectNoBlame();
}

// One verifier's word about what the miner sent is no more than silence.
TEST_F(AlarmsTest, OneAlarmPaysNobodyWhoIsNotProven) {
  const TrialId trial = Committed(alice, alices);
  Look("v1", Alarm());
  pool.Advance(*AuditOf(trial).decide_time - pool.now + absl::Minutes(1));
  EXPECT_EQ(Find(trial).reason, "UNVERIFIED");
  EXPECT_EQ(Alice().rejections_in_a_row, 0);
}

TEST_F(AlarmsTest, AnAlarmIsNoFailure) {
  const TrialId trial = Committed(alice, alices);
  Look("v1", AuditInconclusive{"EXAMINER_CRASHED"});
  Look("v2", Alarm());
  EXPECT_EQ(AuditOf(trial).kind, AuditKind::kSegment) << "one of each";
  EXPECT_EQ(AuditOf(trial).looks.size(), 2u);
  Look("v3", AuditInconclusive{"EXAMINER_CRASHED"});
  EXPECT_EQ(AuditOf(trial).kind, AuditKind::kWhole);
}

TEST_F(AlarmsTest, WhoFindsItFalseIsAnsweredByTwo) {
  const TrialId trial = Committed(alice, alices);
  Look("v1", TrainingRefuted{"SEGMENT_FALSE"});
  Repeat({"v2", "v3"}, Alarm(), trial);
  EXPECT_EQ(Find(trial).state, TrialState::kAccepted)
      << "both replayed what it found false";
  EXPECT_EQ(BasisOf(Find(trial)), TrialBasis::kUnverified);
  ExpectNoBlame();
}

class PlantedAlarmsTest : public AlarmsTest {
 protected:
  static PoolPolicy Policy() {
    PoolPolicy policy = Strict();
    policy.planted_ppm = 1'000'000;
    return policy;
  }
  PlantedAlarmsTest() : AlarmsTest(Policy()) {}
};

// Whoever replays what the pool made false never comes to evaluate it.
TEST_F(PlantedAlarmsTest, WhoRaisesItUnseenIsSetAside) {
  const TrialId trial = Committed(alice, alices);
  Look("v1", Alarm());
  EXPECT_EQ(StandingOf("v1").record.planted_failed, 1);
  EXPECT_TRUE(StandingOf("v1").IsDoubted(pool.policy));
  EXPECT_EQ(StandingOf("v1").alarms, 0) << "it says nothing of the pool";
  EXPECT_TRUE(AuditOf(trial).looks.empty());
  EXPECT_EQ(Find(trial).state, TrialState::kUploaded);
}

}  // namespace
}  // namespace archpool
