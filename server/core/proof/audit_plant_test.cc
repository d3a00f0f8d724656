// SPDX-License-Identifier: Apache-2.0
// What a verifier that says "true" unseen comes to, and that an honest one, and
// the miners, lose nothing by the pool's trying them.
#include "server/core/proof/audit_plant.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/verifiers_fixture.h"

namespace archpool {
namespace {

PoolPolicy With(int64_t planted_ppm, int64_t second_look_ppm) {
  PoolPolicy policy = Strict();
  policy.planted_ppm = planted_ppm;
  policy.second_look_ppm = second_look_ppm;
  return policy;
}

class PlantTest : public VerifiersTest {
 protected:
  explicit PlantTest(const PoolPolicy& policy = With(500'000, 0))
      : VerifiersTest(policy) {}

  static const Digest& RootOf(const AuditGrant& grant) {
    return CommitmentOf(grant.trial).checkpoint_root;
  }
  // What replaying it shows: whether it leads where the grant says.
  bool IsTrue(const AuditGrant& grant) {
    return RootOf(grant) == CommitmentOf(Find(grant.trial.id)).checkpoint_root;
  }
  // As whoever replays.
  ReportAudit::Reply SayHonestly(const AuditGrant& grant) {
    if (IsTrue(grant)) return Say(grant, Right());
    return Say(grant, TrainingRefuted{"SEGMENT_FALSE"});
  }
  const VerifierStanding& StandingOf(const std::string& name,
                                     AccountId account = {}) {
    const auto review = pool.Do(ReviewVerifiers{});
    for (const auto& one : review.verifiers) {
      if (one.key ==
          VerifierKey{account.IsSet() ? account : pool.verifier, name}) {
        return standing_ = one.standing;
      }
    }
    ARCHPOOL_CHECK(false);
    return standing_;
  }
  bool IsSetAside(const std::string& name) {
    return StandingOf(name).IsDoubted(pool.policy);
  }

 private:
  VerifierStanding standing_;
};

TEST_F(PlantTest, WhatIsShownAgreesInAllButTheTraining) {
  int planted = 0;
  for (int i = 0; i < 20; ++i) {
    const TrialId trial = Committed(alice, alices);
    const auto grant = Take("v1");
    ASSERT_TRUE(grant.has_value());
    EXPECT_EQ(CommitmentOf(Take("v1")->trial), CommitmentOf(grant->trial))
        << "asking again shows nothing";
    const int64_t segments = grant->spec->recipe.segments;
    EXPECT_TRUE(IsOpening(RootOf(*grant), segments, grant->audit.segment,
                          grant->audit.opening));
    planted += IsTrue(*grant) ? 0 : 1;
    while (Find(trial).state == TrialState::kUploaded) {
      SayHonestly(*Take("v1"));
    }
  }
  EXPECT_GT(planted, 2);
  EXPECT_LT(planted, 18);
}

TEST_F(PlantTest, WhoReplaysPassesAndTheMinerIsPaid) {
  for (int i = 0; i < 20; ++i) {
    const TrialId trial = Committed(alice, alices);
    for (int tries = 0; Find(trial).state == TrialState::kUploaded; ++tries) {
      ASSERT_LT(tries, 20);
      SayHonestly(*Take("v1"));
    }
    EXPECT_EQ(Find(trial).state, TrialState::kAccepted);
    EXPECT_EQ(VerifiedAccuracyPpm(Find(trial)), 500'000);
  }
  EXPECT_EQ(StandingOf("v1").record.planted_failed, 0);
  EXPECT_EQ(Alice().trials_rejected, 0);
}

// Neither a lease that runs out nor a finding that tells nothing shows it.
TEST_F(PlantTest, AttemptsThatAreNotAnsweredShowTheSame) {
  int planted = 0;
  for (int i = 0; i < 20; ++i) {
    for (const char* name : {"v1", "v2", "v3"}) Take(name);  // they are there
    Committed(alice, alices);
    const auto first = Take("v1");
    pool.Advance(pool.policy.audit_term + absl::Seconds(1));
    const auto second = Take("v2");
    ASSERT_TRUE(second.has_value());
    EXPECT_EQ(RootOf(*second), RootOf(*first));
    Say(*second, AuditInconclusive{"EXAMINER_CRASHED"});
    const auto third = Take("v3");
    ASSERT_TRUE(third.has_value());
    EXPECT_EQ(RootOf(*third), RootOf(*first));
    planted += IsTrue(*third) ? 0 : 1;
    while (Find(first->trial.id).state == TrialState::kUploaded) {
      SayHonestly(*Take("v3"));
    }
    pool.Advance(absl::Minutes(11));
  }
  EXPECT_GT(planted, 2);
}

TEST_F(PlantTest, AnotherNameIsNoFreshStart) {
  do {
    Committed(alice, alices);
    Say(*Take("blind"), Right());
  } while (!IsSetAside("blind"));
  Take("another-name");
  EXPECT_TRUE(IsSetAside("another-name"));
}

TEST_F(PlantTest, ARestartIsNoFreshStart) {
  do {
    Committed(alice, alices);
    Say(*Take("blind"), Right());
  } while (!IsSetAside("blind"));
  pool.pool = Pool(pool.policy, state().Snapshot());
  EXPECT_EQ(StandingOf("blind").record.planted_failed, 1);
  EXPECT_TRUE(IsSetAside("blind"));
  Take("another-name");
  EXPECT_TRUE(IsSetAside("another-name"));
}

// What a commit that failed said of verifiers never was.
TEST_F(PlantTest, WhatWasNotStoredDoesNotCount) {
  const PoolSnapshot committed = state().Snapshot();
  do {
    Committed(alice, alices);
    Say(*Take("blind"), Right());
  } while (!IsSetAside("blind"));
  pool.pool = Pool(pool.policy, committed, pool.pool.expiry_hold(),
                   pool.pool.verifiers());
  EXPECT_EQ(StandingOf("blind").record.planted_failed, 0);
  EXPECT_FALSE(IsSetAside("blind"));
}

TEST_F(PlantTest, AFakeIsFoundOutAllTheSame) {
  const TrialId trial = Committed(alice, alices);
  for (int tries = 0; Find(trial).state == TrialState::kUploaded; ++tries) {
    ASSERT_LT(tries, 20);
    if (const auto grant = Take(tries % 2 == 0 ? "v1" : "v2")) {
      Say(*grant, TrainingRefuted{"SEGMENT_FALSE"});
    }
    pool.Advance(absl::Seconds(5));
  }
  EXPECT_EQ(Find(trial).state, TrialState::kRejected);
  EXPECT_EQ(Find(trial).reason, "SEGMENT_FALSE");
}

// It is set aside after its first such word; with an honest one there, nobody
// is kept waiting by it.
TEST_F(PlantTest, WhoDoesNotLookIsSetAside) {
  Take("honest");
  do {
    Committed(alice, alices);
    const auto grant = Take("blind");
    ASSERT_TRUE(grant.has_value());
    Say(*grant, Right());
  } while (!IsSetAside("blind"));
  Committed(alice, alices);
  EXPECT_FALSE(Take("blind").has_value());
  ASSERT_TRUE(Take("honest").has_value());
  EXPECT_EQ(StandingOf("blind").record.planted_failed, 1);
}

// The last one is never set aside, and comes to be trusted again once it looks.
TEST_F(PlantTest, TheLastIsAskedAllTheSameAndMayRecover) {
  const auto work = [&](bool looks) {
    const TrialId trial = Committed(alice, alices);
    for (int tries = 0; Find(trial).state == TrialState::kUploaded; ++tries) {
      ASSERT_LT(tries, 20);
      const auto grant = Take("v1");
      ASSERT_TRUE(grant.has_value());
      looks ? SayHonestly(*grant) : Say(*grant, Right());
    }
    EXPECT_EQ(Find(trial).state, TrialState::kAccepted);
  };
  for (int i = 0; i < 8; ++i) work(/*looks=*/false);
  EXPECT_TRUE(IsSetAside("v1"));
  for (int i = 0; i < 40; ++i) work(/*looks=*/true);
  EXPECT_FALSE(IsSetAside("v1"));
}

TEST_F(PlantTest, TheTimeOfItIsNoWaitOfTheMiners) {
  Committed(alice, alices);
  auto grant = Take("v1");
  while (IsTrue(*grant)) {
    Say(*grant, Right());
    Committed(alice, alices);
    grant = Take("v1");
  }
  const absl::Time before = *AuditOf(grant->trial.id).decide_time;
  pool.now += absl::Seconds(30);
  Say(*grant, TrainingRefuted{"SEGMENT_FALSE"});
  EXPECT_EQ(*AuditOf(grant->trial.id).decide_time, before + absl::Seconds(30));
}

class SecondLookTest : public PlantTest {
 protected:
  SecondLookTest() : PlantTest(With(0, 1'000'000)) {}
};

TEST_F(SecondLookTest, AnotherAccountLooksAndBothAgree) {
  const TrialId trial = Committed(alice, alices);
  const auto first = Take("v1");
  Take("v2", other_account);
  EXPECT_EQ(Say(*first, Right()).state, TrialState::kUploaded);
  EXPECT_FALSE(Take("v1").has_value()) << "it is another's";
  const auto second = Take("v2", other_account);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->trial.id, trial);
  EXPECT_EQ(Say(*second, Right()).state, TrialState::kAccepted);
}

TEST_F(SecondLookTest, NobodyWaitsWhereThereIsNoOther) {
  Committed(alice, alices);
  EXPECT_EQ(Look("v1", Right()).state, TrialState::kAccepted);
}

// A verifier that lets its friend's fakes pass is outvoted by two.
TEST_F(SecondLookTest, AFriendsFakeIsFoundOut) {
  const TrialId trial = Committed(alice, alices);
  const AccountId third = pool.Make("verifier-c", Role::kVerifier);
  const auto first = Take("friend");
  Take("v2", other_account);
  Take("v3", third);
  Say(*first, Right());
  Say(*Take("v2", other_account), TrainingRefuted{"SEGMENT_FALSE"});
  Say(*Take("v3", third), TrainingRefuted{"SEGMENT_FALSE"});
  EXPECT_EQ(Find(trial).state, TrialState::kRejected);
  EXPECT_EQ(StandingOf("friend").record.outvoted, 1);
  EXPECT_EQ(StandingOf("v2", other_account).record.agreed, 1);
}

// The second never came to it: what the first found counts.
TEST_F(SecondLookTest, ASecondThatNeverComesCostsTheMinerNothing) {
  const TrialId trial = Committed(alice, alices);
  const auto first = Take("v1");
  Take("v2", other_account);
  Say(*first, Right());
  pool.Advance(*AuditOf(trial).decide_time - pool.now + absl::Seconds(1));
  EXPECT_EQ(Find(trial).state, TrialState::kAccepted);
  EXPECT_EQ(BasisOf(Find(trial)), TrialBasis::kAudited);
  EXPECT_EQ(VerifiedAccuracyPpm(Find(trial)), 500'000);
}

TEST_F(SecondLookTest, ASecondThatCannotTellCostsTheMinerNothing) {
  const TrialId trial = Committed(alice, alices);
  const auto first = Take("v1");
  Take("sick", other_account);
  Say(*first, Right());
  for (int i = 0; i < 200 && Find(trial).state == TrialState::kUploaded; ++i) {
    if (const auto grant = Take("sick", other_account)) {
      Say(*grant, AuditInconclusive{"EXAMINER_CRASHED"});
    }
    pool.Advance(absl::Minutes(1));
  }
  EXPECT_EQ(Find(trial).state, TrialState::kAccepted);
  EXPECT_EQ(BasisOf(Find(trial)), TrialBasis::kAudited)
      << "nobody replayed the whole";
}

}  // namespace
}  // namespace archpool
