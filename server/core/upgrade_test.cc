// SPDX-License-Identifier: Apache-2.0
// What becomes of a pool's records when its arithmetic is replaced: a trial in
// every state, audits, leases and sessions, and that nobody loses by it.
#include "server/core/upgrade.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/verifiers_fixture.h"

namespace archpool {
namespace {

constexpr char kOld[] = "libtorch-1.13.1/avx512/0123456789abcdef";

class UpgradeTest : public VerifiersTest {
 protected:
  explicit UpgradeTest(const PoolPolicy& policy = AuditEverything())
      : VerifiersTest(policy) {}

  // As the server's next version finds what was done until now.
  void Upgrade() {
    PoolSnapshot snapshot = state().Snapshot();
    for (Event& event : snapshot.records) {
      if (auto* session = std::get_if<Session>(&event)) {
        session->arithmetic = kOld;
      } else if (auto* trial = std::get_if<Trial>(&event)) {
        if (!trial->arithmetic.empty()) trial->arithmetic = kOld;
      }
    }
    pool.pool = Pool(pool.policy, snapshot);
    pool.Do(UpgradeRecords{});
    events_ = pool.pool.TakeEvents();
    ExpectNothingMore();
    EXPECT_EQ(Alice().rejections_in_a_row, 0);
    EXPECT_EQ(Alice().trials_rejected, 0);
  }
  void ExpectNothingMore() {
    pool.Do(UpgradeRecords{});
    EXPECT_TRUE(pool.pool.TakeEvents().empty()) << "nothing the second time";
  }
  // A trial of which nothing was sent.
  TrialId Reported(int64_t claim = 500) {
    const auto grant = pool.Do(AcquireLease{alice, alices}).grant;
    ARCHPOOL_CHECK(grant.has_value());
    const TrialId trial = grant->lease.trials.at(0);
    pool.Commit(alice, alices, grant->lease, trial, claim);
    return trial;
  }
  bool IsAudited(TrialId trial) const {
    return state().audits().Of(trial).IsSet();
  }
  // All that is left of the task.
  void End() {
    pool.Do(CancelTask{task, pool.client});
    pool.VerifyAll();
    EXPECT_EQ(state().Find(task), nullptr) << "it waits for nothing";
    EXPECT_EQ(state().money().BalanceOf(Place::EscrowOf(task)), 0);
  }

  std::vector<Event> events_;
};

TEST_F(UpgradeTest, OfItsOwnArithmeticNothingChanges) {
  Committed(alice, alices);
  Reported();
  pool.Do(AcquireLease{bob, bobs});
  pool.pool.TakeEvents();
  ExpectNothingMore();
}

TEST_F(UpgradeTest, SessionsEndAndLeasesWithoutBlame) {
  const auto grant = pool.Do(AcquireLease{alice, alices}).grant;
  const Performance before = Alice().performance;
  Upgrade();
  EXPECT_EQ(state().Find(alices), nullptr);
  EXPECT_EQ(state().Find(grant->lease.id), nullptr);
  EXPECT_EQ(Find(grant->lease.trials[0]).state, TrialState::kAbandoned);
  EXPECT_EQ(Alice().trials_abandoned, 0);
  EXPECT_EQ(Alice().performance, before);
  EXPECT_TRUE(std::any_of(events_.begin(), events_.end(), [](const Event& e) {
    const auto* lease = std::get_if<Lease>(&e);
    return lease != nullptr && lease->state == LeaseState::kRevoked;
  }));
  EXPECT_THAT(pool.Try(AcquireLease{alice, alices}),
              FailsWith("SESSION_UNKNOWN"));
  EXPECT_THAT(pool.Try(OpenSession{alice, "a", 1, kOld}),
              FailsWith("ARITHMETIC_REPLACED"));
  const SessionId updated = pool.Open(alice, "a");
  EXPECT_TRUE(pool.Do(AcquireLease{alice, updated}).grant.has_value());
}

TEST_F(UpgradeTest, WhatWasReportedAndNotSentIsPaidAsInconclusive) {
  const TrialId trial = Reported();
  ASSERT_EQ(Find(trial).state, TrialState::kCommitted);
  ASSERT_TRUE(IsAudited(trial));
  Upgrade();
  EXPECT_EQ(Find(trial).state, TrialState::kAccepted);
  EXPECT_EQ(BasisOf(Find(trial)), TrialBasis::kUnverified);
  EXPECT_TRUE(IsMatured(Find(trial))) << "its files are needed no more";
  EXPECT_FALSE(IsAudited(trial));
  EXPECT_FALSE(pool.Do(AcquireAudit{pool.verifier, "v1"}).has_value());
  EXPECT_EQ(Alice().units_credited, Find(trial).work_units);
  End();
}

TEST_F(UpgradeTest, WhatWasSentIsAcceptedOnItsEvaluation) {
  const TrialId trial = Committed(alice, alices);
  ASSERT_EQ(AuditOf(trial).kind, AuditKind::kSegment);
  Upgrade();
  EXPECT_EQ(Find(trial).state, TrialState::kUploaded);
  const auto grant = Take("v1");
  ASSERT_TRUE(grant.has_value());
  EXPECT_EQ(grant->audit.kind, AuditKind::kEvaluation);
  EXPECT_EQ(grant->trial.arithmetic, kOld);
  EXPECT_EQ(Say(*grant, Right(501)).state, TrialState::kAccepted);
  EXPECT_EQ(BasisOf(Find(trial)), TrialBasis::kAudited);
  EXPECT_EQ(Find(trial).measured->validation_correct, 501);
  End();
}

TEST_F(UpgradeTest, AnAuditUnderWayIsNoMore) {
  const TrialId trial = Committed(alice, alices);
  const auto held = Take("v1");
  ASSERT_TRUE(held.has_value());
  Upgrade();
  EXPECT_THAT(
      pool.Try(ReportAudit{pool.verifier, held->audit.id, held->audit.attempt,
                           "v1", TrainingRefuted{"SEGMENT_FALSE"}}),
      FailsWith("AUDIT_UNKNOWN"));
  EXPECT_EQ(AuditOf(trial).kind, AuditKind::kEvaluation);
}

TEST_F(UpgradeTest, WhatAVerifierBlamedIsEvaluatedToo) {
  const TrialId trial = Committed(alice, alices);
  Look("v1", TrainingRefuted{"SEGMENT_FALSE"});
  ASSERT_TRUE(IsBlamed(AuditOf(trial)));
  Upgrade();
  EXPECT_EQ(Look("v1", Right()).state, TrialState::kAccepted);
  EXPECT_EQ(BasisOf(Find(trial)), TrialBasis::kAudited);
}

// Its claim cannot be held against a training that nobody can look at.
TEST_F(UpgradeTest, AnEvaluationBlamesNobody) {
  for (const AuditFinding& finding :
       {AuditFinding(Right(100)), AuditFinding(WeightsUnusable{"WEIGHTS_ODD"}),
        AuditFinding(TrainingRefuted{"SEGMENT_FALSE"})}) {
    const TrialId trial = Committed(alice, alices);
    Upgrade();
    EXPECT_EQ(Look("v1", finding).state, TrialState::kAccepted);
    EXPECT_EQ(BasisOf(Find(trial)), TrialBasis::kUnverified);
    EXPECT_EQ(Alice().rejections_in_a_row, 0);
    alices = pool.Open(alice, "a");
  }
  End();
}

TEST_F(UpgradeTest, AnEvaluationThatFailsGoesToAnother) {
  const TrialId trial = Committed(alice, alices);
  Upgrade();
  EXPECT_EQ(Look("v1", AuditInconclusive{"EXAMINER_CRASHED"}).state,
            TrialState::kUploaded);
  EXPECT_EQ(Look("v2", Right()).state, TrialState::kAccepted);
  EXPECT_EQ(BasisOf(Find(trial)), TrialBasis::kAudited);
}

TEST_F(UpgradeTest, AnEvaluationThatTwoFindToDifferIsPaidAsInconclusive) {
  const TrialId trial = Committed(alice, alices);
  Upgrade();
  EXPECT_EQ(Look("v1", AuditInconclusive{kEvaluationsDiffer}).state,
            TrialState::kUploaded);
  EXPECT_EQ(Look("v2", AuditInconclusive{kEvaluationsDiffer}).state,
            TrialState::kAccepted);
  EXPECT_EQ(BasisOf(Find(trial)), TrialBasis::kUnverified);
}

TEST_F(UpgradeTest, AnEvaluationThatNeverComesIsPaidAsInconclusive) {
  const TrialId trial = Committed(alice, alices);
  Upgrade();
  pool.Advance(*AuditOf(trial).decide_time - pool.now + absl::Minutes(1));
  EXPECT_EQ(Find(trial).state, TrialState::kAccepted);
  EXPECT_EQ(BasisOf(Find(trial)), TrialBasis::kUnverified);
}

// It was seen, and its credit waited for others': they cannot be asked for.
TEST_F(UpgradeTest, WhatWasAcceptedMaturesAndMayWin) {
  const TrialId trial = Committed(alice, alices);
  Look("v1", Right());
  ASSERT_EQ(BasisOf(Find(trial)), TrialBasis::kAudited);
  ASSERT_FALSE(IsMatured(Find(trial)));
  Upgrade();
  EXPECT_TRUE(IsMatured(Find(trial)));
  const SessionId updated = pool.Open(alice, "a");
  EXPECT_EQ(pool.Do(ReviewTrials{alice, updated, {trial}}).settled,
            std::vector<TrialId>{trial});
  pool.Do(CancelTask{task, pool.client});
  ASSERT_EQ(state().Find(task), nullptr) << "nothing is replayed";
  bool has_won = false;
  for (const Event& event : pool.pool.TakeEvents()) {
    const auto* one = std::get_if<Trial>(&event);
    has_won |= one != nullptr && one->id == trial &&
               SettlementOf(*one).finders_bonus > 0;
  }
  EXPECT_TRUE(has_won);
}

TEST_F(UpgradeTest, AFinalistsReplayEnds) {
  const TrialId trial = Committed(alice, alices);
  Look("v1", Right());
  pool.Do(CancelTask{task, pool.client});
  ASSERT_EQ(AuditOf(trial).kind, AuditKind::kWhole);
  Upgrade();
  EXPECT_EQ(state().Find(task), nullptr) << "its evaluation is enough";
}

TEST_F(UpgradeTest, WhatWasRejectedStaysSo) {
  const TrialId trial = Committed(alice, alices);
  pool.Do(VoidTrial{trial});
  PoolSnapshot snapshot = state().Snapshot();
  const int64_t rejected = Alice().trials_rejected;
  for (Event& event : snapshot.records) {
    if (auto* one = std::get_if<Trial>(&event)) one->arithmetic = kOld;
  }
  pool.pool = Pool(pool.policy, snapshot);
  ExpectNothingMore();
  EXPECT_EQ(Find(trial).state, TrialState::kRejected);
  EXPECT_EQ(Alice().trials_rejected, rejected);
}

// The next rung continues from the weights, which are here.
class UpgradedRungsTest : public UpgradeTest {
 protected:
  UpgradedRungsTest() : UpgradeTest(Lax()) {
    TaskSpec spec = TinySpec(4);
    spec.recipe.further_epochs = {2};
    spec.recipe.promoted_one_in = 2;
    spec.trials_per_lease = 1;
    spec.subspaces = 1;
    pool.Do(CancelTask{task, pool.client});
    task = pool.Submit(spec, "r2");
  }
  static PoolPolicy Lax() {
    PoolPolicy policy;
    policy.audit_floor_ppm = 0;
    policy.results_to_split = 1'000'000;
    return policy;
  }
};

TEST_F(UpgradedRungsTest, WhatWasTakenAtItsWordIsEvaluatedBeforeItGoesOn) {
  std::vector<TrialId> trials;
  for (int i = 0; i < 8; ++i) {
    const TrialId trial = Committed(alice, alices, 500 + i);
    if (IsAudited(trial)) Look("v1", Right(500 + i));
    trials.push_back(trial);
  }
  Upgrade();
  const SessionId updated = pool.Open(alice, "a");
  alices = updated;
  for (int i = 0; i < 4; ++i) {
    const auto grant = pool.Do(AcquireLease{alice, alices}).grant;
    if (!grant) break;
    pool.Deliver(alice, alices, grant->lease, grant->lease.trials[0], 600);
    pool.VerifyAll();
  }
  for (const TrialId trial : trials) {
    EXPECT_EQ(Find(trial).state, TrialState::kAccepted);
  }
  End();
}

}  // namespace
}  // namespace archpool
