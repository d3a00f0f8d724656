// SPDX-License-Identifier: Apache-2.0
// Miners that are the operator's own: audits take their part of the work and
// no more, and a machine that computes wrongly is found all the same.
#include "server/core/state/own_miners.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/counter_rng.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/pool.h"
#include "server/core/rules/audit_cost.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

constexpr int64_t kShare = 50'000;

class OwnMinersTest : public ::testing::Test {
 protected:
  static PoolPolicy Own() {
    PoolPolicy policy;
    policy.own_miners_ppm = kShare;
    policy.audit_floor_ppm = 20'000;
    policy.leases_on_trust = 1'000;
    policy.backups = false;
    // Equal results would make the only box look hopeless.
    policy.results_to_split = 1'000'000;
    return policy;
  }
  OwnMinersTest() : pool(Own()) {
    alice = pool.Make("alice", Role::kMiner);
    session = pool.Open(alice, "w1");
  }
  static TaskSpec Spec(int64_t trials, int64_t epochs = 10) {
    TaskSpec spec = TinySpec(60);
    spec.recipe.epochs = epochs;
    spec.budget.work_units = kWorkUnitsMax;
    spec.budget.trials_max = trials;
    spec.budget.time_limit = absl::Hours(200);
    spec.subspaces = 1;
    spec.trials_per_lease = 1;
    return spec;
  }
  void Begin(const TaskSpec& of) {
    spec = of;
    task = pool.Submit(of, "task");
  }

  const PoolState& state() const { return pool.pool.state(); }
  const Trial& Find(TrialId trial) { return *state().Find(trial); }
  const Account& Alice() { return *state().Find(alice); }
  bool HasEnded() const { return state().Find(task) == nullptr; }
  LeaseGrant Acquire() {
    const auto reply = pool.Do(AcquireLease{alice, session});
    if (!reply.grant) std::fprintf(stderr, "%s\n", reply.idle_message.c_str());
    ARCHPOOL_CHECK(reply.grant.has_value());
    return *reply.grant;
  }
  TrialId Deliver(const LeaseGrant& grant, int64_t claim) {
    const TrialId trial = grant.assignments.at(0).trial;
    pool.Deliver(alice, session, grant.lease, trial, claim);
    return trial;
  }
  TrialId Next(int64_t claim) { return Deliver(Acquire(), claim); }

  // Whatever is asked is answered and examined, by the pool's only verifier,
  // until nothing is.
  void Settle() {
    for (int i = 0; i < 5'000; ++i) {
      AnswerAll();
      const auto grant = pool.Do(AcquireAudit{pool.verifier, "v1"});
      if (grant) {
        Report(*grant);
        continue;
      }
      pool.Do(Tick{});
      if (!IsBusy()) return;
      pool.Advance(pool.policy.second_look_term);
    }
    FAIL() << "it does not come to an end";
  }
  bool IsBusy() const {
    return !HasEnded() && (!state().IndexOf(task).audits.empty() ||
                           !state().accounts().judged().empty() ||
                           !ReadyToSettle(state()).empty());
  }
  void AnswerAll() {
    if (HasEnded()) return;
    const absl::btree_set<AuditId> audits = state().IndexOf(task).audits;
    for (const AuditId id : audits) pool.Answer(alice, AskedTrial(id));
  }
  TrialId AskedTrial(AuditId id) const { return state().Find(id)->trial; }
  void Report(const AuditGrant& grant) {
    AuditFinding finding = TrainingRefuted{"SEGMENT_FALSE"};
    if (!false_ones.contains(grant.trial.id)) {
      const int64_t correct = CommitmentOf(grant.trial).claimed_correct;
      finding = WeightsMeasured{correct, correct, grant.audit.measures_all};
    }
    ++examined[grant.audit.kind];
    if (grant.audit.kind == AuditKind::kSegment) {
      examined_units += SegmentUnits(spec, TinyManifest(), grant.trial,
                                     grant.audit.measures_all);
    }
    pool.Do(ReportAudit{pool.verifier, grant.audit.id, grant.audit.attempt,
                        "v1", finding});
  }
  // The latest records of the task's trials, ended as it may be.
  const std::map<TrialId, Trial>& Trials() {
    for (const Event& event : pool.pool.TakeEvents()) {
      if (const auto* trial = std::get_if<Trial>(&event)) {
        trials[trial->id] = *trial;
      }
      if (const auto* record = std::get_if<Task>(&event)) ended = *record;
    }
    return trials;
  }

  TestPool pool;
  AccountId alice;
  SessionId session;
  TaskSpec spec;
  TaskId task;
  std::set<TrialId> false_ones;
  std::map<AuditKind, int> examined;
  WorkUnits examined_units = 0;  // by all audits of segments
  std::map<TrialId, Trial> trials;
  Task ended;
};

// The more a network costs, the better it claims to be: all of them are on the
// front.
int64_t RisingClaim(const Trial& trial) {
  return 200 + 700 * trial.macs / (trial.macs + 50'000);
}

struct Search {
  int64_t trials;
  int64_t epochs;
};

class AuditShareTest : public OwnMinersTest,
                       public ::testing::WithParamInterface<Search> {};

TEST_P(AuditShareTest, IsKeptWhateverTheSearchIsLike) {
  Begin(Spec(GetParam().trials, GetParam().epochs));
  CounterRng rng(static_cast<uint64_t>(GetParam().trials), 0);
  for (int64_t i = 0; i < GetParam().trials; ++i) {
    const LeaseGrant grant = Acquire();
    const int64_t rising = RisingClaim(Find(grant.assignments.at(0).trial));
    Deliver(grant, rising - rng.Below(30));
    Settle();
  }
  ASSERT_TRUE(HasEnded());
  EXPECT_EQ(examined[AuditKind::kWhole], 0);
  WorkUnits trained = 0;
  int measured = 0;
  const Trial* best = nullptr;  // by its claim
  for (const auto& [id, trial] : Trials()) {
    ASSERT_EQ(trial.state, TrialState::kAccepted);
    trained += trial.work_units;
    measured += trial.measured.has_value() ? 1 : 0;
    if (best == nullptr ||
        ValidationCorrect(trial) > ValidationCorrect(*best)) {
      best = &trial;
    }
  }
  ASSERT_NE(best, nullptr);
  EXPECT_TRUE(VerifiedAccuracyPpm(*best).has_value());
  EXPECT_EQ(BasisOf(*best), TrialBasis::kAudited);
  EXPECT_EQ(ended.state, TaskState::kSucceeded);
  if (measured > 1) {
    EXPECT_LE(examined_units * 1'000'000, trained * kShare);
    // And it is made use of.
    EXPECT_GE(examined_units * 1'000'000, trained * kShare / 2);
  }
}

INSTANTIATE_TEST_SUITE_P(Searches, AuditShareTest,
                         ::testing::Values(Search{1, 10}, Search{6, 10},
                                           Search{6, 100}, Search{14, 100},
                                           Search{60, 10}, Search{150, 40}));

TEST_F(OwnMinersTest, TheMachineIsTriedAtTheStartAndNotAtEveryTraining) {
  Begin(Spec(60));
  const TrialId first = Next(500);
  const Audit audit = *state().Find(state().audits().Of(first));
  EXPECT_EQ(audit.kind, AuditKind::kSegment);
  EXPECT_TRUE(audit.measures_all);
  Settle();
  EXPECT_EQ(BasisOf(Find(first)), TrialBasis::kAudited);
  const TrialId second = Next(490);
  EXPECT_EQ(Find(second).state, TrialState::kAccepted);
  EXPECT_EQ(BasisOf(Find(second)), TrialBasis::kSampledOut);
  EXPECT_EQ(CommitmentOf(Find(second)).draw_ppm, 0);
}

TEST_F(OwnMinersTest, ALongSearchIsExaminedHereAndThere) {
  Begin(Spec(200, 100));
  int seen = 0;
  for (int i = 0; i < 150; ++i) {
    const TrialId trial = Next(500);
    Settle();
    seen += IsSeen(Find(trial)) ? 1 : 0;
  }
  EXPECT_GT(seen, 15);
  EXPECT_LT(seen, 100);
}

// What may be asked for at the end is kept by its worker until then.
TEST_F(OwnMinersTest, NothingMaturesBeforeTheEnd) {
  Begin(Spec(60));
  for (int i = 0; i < 59; ++i) {
    Next(500);
    Settle();
  }
  EXPECT_EQ(state().IndexOf(task).tally.immature.at(alice).size(), 59u);
  Next(500);
  Settle();
  ASSERT_TRUE(HasEnded());
  for (const auto& [id, trial] : Trials()) EXPECT_TRUE(IsMatured(trial));
}

// The best claim of a search is examined before it wins, by the only verifier
// that there is. Then nothing of its machine is believed any more, and what was
// trained well stays.
TEST_F(OwnMinersTest, AWrongResultIsFoundBeforeItWins) {
  Begin(Spec(20));
  for (int i = 0; i < 19; ++i) {
    Next(500 + i);
    Settle();
  }
  EXPECT_TRUE(IsTrusted(state(), pool.policy, alice));
  const LeaseGrant grant = Acquire();
  const TrialId wrong = grant.assignments.at(0).trial;
  false_ones.insert(wrong);
  Deliver(grant, 990);
  Settle();
  EXPECT_FALSE(IsTrusted(state(), pool.policy, alice));
  // It is trained again, or another network is.
  for (int i = 0; i < 5 && !HasEnded(); ++i) {
    Next(400);
    Settle();
  }
  ASSERT_TRUE(HasEnded());
  EXPECT_GT(examined[AuditKind::kWhole], 1) << "as among strangers";
  for (const auto& [id, trial] : Trials()) {
    if (id == wrong) {
      EXPECT_EQ(trial.reason, "SEGMENT_FALSE");
    } else if (trial.commitment) {
      EXPECT_EQ(trial.state, TrialState::kAccepted) << trial.reason;
      EXPECT_GE(BasisOf(trial), TrialBasis::kAudited);
    }
  }
  EXPECT_EQ(ended.state, TaskState::kSucceeded);
}

// One that computes all wrongly is found at its first training.
TEST_F(OwnMinersTest, AWrongMachineIsStopped) {
  Begin(Spec(60));
  for (int i = 0; i < 3; ++i) {
    const LeaseGrant grant = Acquire();
    false_ones.insert(grant.assignments.at(0).trial);
    const TrialId trial = Deliver(grant, 600);
    Settle();
    EXPECT_EQ(Find(trial).reason, "SEGMENT_FALSE");
  }
  EXPECT_EQ(Alice().state, AccountState::kSuspended);
}

TEST_F(OwnMinersTest, ATargetEndsTheSearchOnceItIsMeasured) {
  TaskSpec of = Spec(60);
  of.budget.target_accuracy_ppm = 800'000;
  Begin(of);
  for (int i = 0; i < 20; ++i) {
    Next(400);
    Settle();
  }
  ASSERT_FALSE(HasEnded());
  Next(850);
  Settle();
  ASSERT_TRUE(HasEnded());
  Trials();
  EXPECT_EQ(ended.end_reason, EndReason::kTarget);
}

TEST_F(OwnMinersTest, ASearchInWhichNothingLearnsEndsWithoutAudits) {
  Begin(Spec(200));
  for (int64_t i = 0; i < pool.policy.nothing_learns_trials; ++i) {
    ASSERT_FALSE(HasEnded());
    Next(100);
    Settle();
  }
  ASSERT_TRUE(HasEnded());
  EXPECT_TRUE(examined.empty());
  Trials();
  EXPECT_EQ(ended.end_reason, EndReason::kNothingLearns);
  EXPECT_EQ(ended.state, TaskState::kFailed);
}

// A broken machine is no reason to end what another one searches as well.
TEST_F(OwnMinersTest, OneMachineAloneDoesNotSayThatNothingLearns) {
  TaskSpec of = Spec(200);
  of.subspaces = 2;
  Begin(of);
  const AccountId bob = pool.Make("bob", Role::kMiner);
  const SessionId other = pool.Open(bob, "w2");
  const auto lease = pool.Do(AcquireLease{bob, other});
  ASSERT_TRUE(lease.grant.has_value());
  for (int64_t i = 0; i <= pool.policy.nothing_learns_trials; ++i) {
    Next(100);
    Settle();
    ASSERT_FALSE(HasEnded());
    ASSERT_EQ(state().Find(task)->state, TaskState::kActive);
  }
  pool.Deliver(bob, other, lease.grant->lease,
               lease.grant->assignments.at(0).trial, 100);
  Settle();
  EXPECT_TRUE(HasEnded() || state().Find(task)->state == TaskState::kFinishing);
}

// Just after a start no other verifier is waited for either.
TEST_F(OwnMinersTest, AFalseResultIsFoundRightAfterAStart) {
  Begin(Spec(60));
  const LeaseGrant grant = Acquire();
  false_ones.insert(grant.assignments.at(0).trial);
  const TrialId trial = Deliver(grant, 600);
  // Such a gap between two ticks is one.
  pool.now += pool.policy.silence_term;
  pool.Do(Tick{});
  const absl::Time begin = pool.now;
  Settle();
  EXPECT_EQ(Find(trial).reason, "SEGMENT_FALSE");
  EXPECT_LT(pool.now - begin, pool.policy.verifier_term);
}

// The pool's verifier is gone when the search ends: its end waits for it once,
// nobody is rejected for that, and what was trained stays accepted.
TEST_F(OwnMinersTest, AVerifierThatIsGoneCostsNoResult) {
  Begin(Spec(20));
  for (int i = 0; i < 20; ++i) {
    Next(500 + i);
    if (i < 19) Settle();
  }
  const absl::Time begin = pool.now;
  for (int i = 0; i < 200 && !HasEnded(); ++i) {
    AnswerAll();
    pool.Advance(absl::Minutes(5));
    pool.Do(Tick{});
  }
  ASSERT_TRUE(HasEnded());
  EXPECT_LT(pool.now - begin, 3 * pool.policy.audit_wait_term);
  EXPECT_TRUE(IsTrusted(state(), pool.policy, alice));
  int unverified = 0;
  for (const auto& [id, trial] : Trials()) {
    if (!trial.commitment) continue;
    EXPECT_EQ(trial.state, TrialState::kAccepted) << trial.reason;
    unverified += BasisOf(trial) == TrialBasis::kUnverified ? 1 : 0;
  }
  EXPECT_LE(unverified, 2);
}

TEST_F(OwnMinersTest, AResultContinuesWithoutAnAudit) {
  TaskSpec of = Spec(60);
  of.recipe.further_epochs = {20};
  Begin(of);
  Next(500);
  Settle();
  Next(600);
  const TrialId best = Next(900);
  ASSERT_EQ(BasisOf(Find(best)), TrialBasis::kSampledOut);
  const LeaseGrant grant = Acquire();
  EXPECT_EQ(grant.assignments.at(0).rung, 1);
  EXPECT_EQ(grant.assignments.at(0).resumes, best);
}

TEST(TrustTest, IsForTheOperatorsOwnMinersUntilSomethingIsRejected) {
  PoolState state(200'000);
  state.Put(Account{.id = {1}, .name = "own"});
  state.Put(Account{.id = {2}, .name = "caught", .trials_rejected = 1});
  state.Put(Account{.id = {3}, .name = "guest", .invited_by = {1}});
  PoolPolicy policy;
  EXPECT_FALSE(IsTrusted(state, policy, {1})) << "miners are strangers";
  policy.own_miners_ppm = kShare;
  EXPECT_TRUE(IsTrusted(state, policy, {1}));
  EXPECT_FALSE(IsTrusted(state, policy, {2}));
  EXPECT_FALSE(IsTrusted(state, policy, {3}));
}

}  // namespace
}  // namespace archpool
