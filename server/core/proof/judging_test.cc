// SPDX-License-Identifier: Apache-2.0
// A conviction, or a doubt, about an account of many trials takes many steps:
// whatever comes between two of them, it comes to what one step would have.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

constexpr int kTrials = 24;
constexpr int kKillsMax = 80;

PoolPolicy Policy(int64_t step) {
  PoolPolicy policy = AuditEverything();
  policy.results_to_split = 1'000'000;  // nothing is pruned
  policy.leases_on_trust = 1'000;
  policy.credit_block = 1'000;  // nothing matures
  policy.settle_trials_max = step;
  return policy;
}

// Hardly anything is drawn after an account's first trial, and what claims too
// little once is at fault.
PoolPolicy TrustingPolicy(int64_t step) {
  PoolPolicy policy = Policy(step);
  policy.audit_floor_ppm = 1;
  policy.audit_rate_factor_ppm = 1;
  policy.claims_too_low_max = 1;
  policy.credit_block = 10;
  return policy;
}

TaskSpec Spec(int64_t subspaces) {
  TaskSpec spec = TinySpec(60);
  spec.budget.work_units = kWorkUnitsMax;
  spec.subspaces = subspaces;
  spec.trials_per_lease = 1;
  return spec;
}

struct Outcome {
  std::map<TrialId,
           std::tuple<TrialState, std::string, std::optional<TrialBasis>>>
      trials;
  std::map<AccountId, Amount> balances;
  std::tuple<int64_t, int64_t, int64_t, int64_t> alice;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

class Story {
 public:
  explicit Story(const PoolPolicy& policy, int64_t subspaces = 1)
      : pool(policy) {
    tasks = {pool.Submit(Spec(subspaces), "r1"),
             pool.Submit(Spec(subspaces), "r2")};
    alice = pool.Make("alice", Role::kMiner);
    session = pool.Open(alice, "w1");
  }

  const PoolState& State() const { return pool.pool.state(); }
  bool IsDone() const { return State().accounts().judged().empty(); }
  LeaseGrant Take(SessionId worker) {
    const auto reply = pool.Do(AcquireLease{alice, worker});
    ARCHPOOL_CHECK(reply.grant.has_value());
    return *reply.grant;
  }
  // The next trial, committed a second after the one before.
  TrialId Deliver(const LeaseGrant& grant, int64_t claim) {
    pool.now += absl::Seconds(1);
    const TrialId trial = grant.assignments.at(0).trial;
    pool.Deliver(alice, SessionOf(grant), grant.lease, trial, claim);
    return trial;
  }
  ReportAudit::Reply Report(const std::string& verifier,
                            const AuditFinding& finding) {
    auto grant = pool.Do(AcquireAudit{pool.verifier, verifier});
    // What is void on the way there is written first.
    for (int i = 0; !grant && i < 100; ++i) {
      pool.Do(Tick{});
      grant = pool.Do(AcquireAudit{pool.verifier, verifier});
    }
    ARCHPOOL_CHECK(grant.has_value());
    return pool.Do(ReportAudit{pool.verifier, grant->audit.id,
                               grant->audit.attempt, verifier, finding});
  }
  void Restart() { pool.pool = Pool(pool.policy, State().Snapshot()); }
  // Steps, the last of which ends it; a kill after so many of them. How many
  // there were.
  int Finish(int kill) {
    int steps = 0;
    for (; !IsDone() && steps < 1'000; ++steps) {
      if (steps == kill) Restart();
      pool.Do(Tick{});
      Watch();
    }
    EXPECT_TRUE(IsDone());
    return steps;
  }
  Outcome End() {
    pool.VerifyAll();
    for (const TaskId task : tasks) {
      if (State().Find(task) != nullptr) pool.Do(CancelTask{task, {}});
    }
    pool.VerifyAll();
    Watch();
    for (const TaskId task : tasks) EXPECT_EQ(State().Find(task), nullptr);
    for (const auto& [id, account] : State().accounts().all()) {
      outcome.balances[id] = State().money().BalanceOf(Place::Of(id));
    }
    const Account& account = *State().Find(alice);
    outcome.alice = {account.trials_accepted, account.trials_rejected,
                     account.audit_rate_ppm, account.rejections_in_a_row};
    return outcome;
  }
  void Watch() {
    for (const Event& event : pool.pool.TakeEvents()) {
      const auto* trial = std::get_if<Trial>(&event);
      if (trial == nullptr) continue;
      outcome.trials[trial->id] = {trial->state, trial->reason,
                                   BasisOf(*trial)};
    }
  }
  SessionId SessionOf(const LeaseGrant& grant) const {
    return State().Find(grant.lease.id)->session;
  }

  TestPool pool;
  std::vector<TaskId> tasks;
  AccountId alice;
  SessionId session;
  Outcome outcome;
};

// Of its trials some are accepted and most wait for a verifier when one is
// found false; and one is committed afterwards.
struct Convicted : Story {
  explicit Convicted(int64_t step) : Story(Policy(step)) {
    const LeaseGrant later = Take(pool.Open(alice, "w2"));
    for (int i = 0; i < kTrials; ++i) {
      trials.push_back(Deliver(Take(session), 500));
    }
    for (int i = 0; i < 6; ++i) Report("v1", WeightsMeasured{500, 500});
    EXPECT_EQ(State().Find(alice)->trials_accepted, 6);
    Report("v1", WeightsUnusable{"WEIGHTS_MISMATCH"});
    EXPECT_EQ(Report("v2", WeightsUnusable{"WEIGHTS_MISMATCH"}).state,
              TrialState::kRejected);
    after = Deliver(later, 500);
    Watch();
  }

  std::vector<TrialId> trials;
  TrialId after;
};

TEST(JudgingTest, AConvictionInStepsComesToTheSame) {
  Convicted at_once(1'000);
  ASSERT_TRUE(at_once.IsDone());
  const Outcome expected = at_once.End();
  for (const TrialId trial : at_once.trials) {
    EXPECT_EQ(std::get<0>(expected.trials.at(trial)), TrialState::kRejected);
  }
  EXPECT_EQ(std::get<0>(expected.trials.at(at_once.after)),
            TrialState::kAccepted)
      << "it was committed afterwards";
  for (const int64_t step : {int64_t{1}, int64_t{7}}) {
    for (int kill = -1; kill < kKillsMax; ++kill) {
      Convicted in_steps(step);
      ASSERT_FALSE(in_steps.IsDone()) << "it was not done in steps";
      const int steps = in_steps.Finish(kill);
      ASSERT_EQ(in_steps.End(), expected) << step << " a step, kill " << kill;
      if (kill >= steps) break;
    }
  }
}

// And of a record, not only of what it comes to.
TEST(JudgingTest, StepsLeaveTheRecordsOfOneStep) {
  Convicted at_once(1'000);
  at_once.pool.Do(Tick{});  // notes the time, as the others do
  Convicted in_steps(1);
  in_steps.Finish(-1);
  EXPECT_TRUE(at_once.State().Snapshot().records ==
              in_steps.State().Snapshot().records);
}

TEST(JudgingTest, WhatIsVoidIsAsGoodAsRejectedBeforeItIsWritten) {
  Convicted story(1);
  TestPool& pool = story.pool;
  const TrialId last = story.trials.back();
  ASSERT_EQ(story.State().Find(last)->state, TrialState::kUploaded);
  const Digest weights = CommitmentOf(*story.State().Find(last)).weights_digest;
  EXPECT_THAT(pool.Try(ConfirmUpload{story.alice, last, weights}),
              FailsWith("UPLOAD_TOO_LATE"));
  EXPECT_EQ(
      pool.Do(ReviewTrials{story.alice, story.session, {last}}).settled.size(),
      1u);
  EXPECT_THAT(pool.Try(VoidTrial{last}), IsOk());
  // Nothing of its task is settled before.
  for (const TaskId task : story.tasks) pool.Do(CancelTask{task, {}});
  EXPECT_TRUE(ReadyToSettle(story.State()).empty());
  while (!story.IsDone()) {
    EXPECT_TRUE(pool.Do(Tick{}).settles || story.IsDone());
  }
  EXPECT_EQ(story.State().Find(last)->reason, "CREDIT_VOID");
  story.End();
}

// A finding about a trial that is void is one about none.
TEST(JudgingTest, AVerifierThatHoldsAVoidTrialIsToldToDropIt) {
  Story story(Policy(1));
  TestPool& pool = story.pool;
  for (int i = 0; i < kTrials; ++i) {
    story.Deliver(story.Take(story.session), 500);
  }
  story.Report("v1", WeightsUnusable{"WEIGHTS_MISMATCH"});
  // The next one is held by another, while a second looks at the first.
  const auto blamed = pool.Do(AcquireAudit{pool.verifier, "v2"});
  const auto held = pool.Do(AcquireAudit{pool.verifier, "v3"});
  ASSERT_TRUE(blamed && held);
  ASSERT_NE(blamed->trial.id, held->trial.id);
  pool.Do(ReportAudit{pool.verifier, blamed->audit.id, blamed->audit.attempt,
                      "v2", WeightsUnusable{"WEIGHTS_MISMATCH"}});
  ASSERT_FALSE(story.IsDone());
  EXPECT_THAT(
      pool.Try(ReportAudit{pool.verifier, held->audit.id, held->audit.attempt,
                           "v3", WeightsMeasured{500, 500}}),
      FailsWith("AUDIT_UNKNOWN"));
  story.Finish(-1);
  EXPECT_EQ(story.State().Find(held->trial.id)->reason, "CREDIT_VOID");
}

// Whose trials were taken at their word, until one claims far too little.
struct Doubted : Story {
  explicit Doubted(int64_t step) : Story(TrustingPolicy(step)) {
    for (int i = 0; i < kTrials; ++i) {
      Deliver(Take(session), 500);
      pool.VerifyAll();
    }
    Deliver(Take(session), 600);
    EXPECT_EQ(Report("v1", WeightsMeasured{900, 900}).reason, "CLAIM_TOO_LOW");
    Watch();
  }
  std::set<TrialId> Asked() const {
    std::set<TrialId> asked;
    for (const AuditId id : State().audits().AskedOf(alice)) {
      asked.insert(State().Find(id)->trial);
    }
    return asked;
  }
};

TEST(JudgingTest, ADoubtInStepsAsksForTheSame) {
  Doubted at_once(1'000);
  ASSERT_TRUE(at_once.IsDone());
  const std::set<TrialId> asked = at_once.Asked();
  ASSERT_GE(asked.size(), 5u);
  const Outcome expected = at_once.End();
  for (const int64_t step : {int64_t{1}, int64_t{3}}) {
    for (int kill = -1; kill < kKillsMax; ++kill) {
      Doubted in_steps(step);
      ASSERT_FALSE(in_steps.IsDone()) << "it was not done in steps";
      const int steps = in_steps.Finish(kill);
      EXPECT_EQ(in_steps.Asked(), asked) << step << " a step, kill " << kill;
      ASSERT_EQ(in_steps.End(), expected) << step << " a step, kill " << kill;
      if (kill >= steps) break;
    }
  }
}

TEST(JudgingTest, ASuspensionInStepsRevokesEveryLease) {
  for (int kill = -1; kill < 4; ++kill) {
    Story story(Policy(1), /*subspaces=*/8);
    for (int i = 0; i < 5; ++i) {
      story.Take(story.pool.Open(story.alice, absl::StrCat("another", i)));
    }
    const auto left = [&] {
      size_t leases = 0;
      for (const TaskId task : story.tasks) {
        leases += story.State().IndexOf(task).leases.size();
      }
      return leases;
    };
    ASSERT_EQ(left(), 5u);
    story.pool.Do(SetAccountState{"alice", AccountState::kSuspended});
    EXPECT_EQ(left(), 4u) << "a step of one trial ends one lease";
    for (int i = 0; i < 10; ++i) {
      if (i == kill) story.Restart();
      const bool goes_on = story.pool.Do(Tick{}).settles;
      EXPECT_TRUE(goes_on || left() == 0u);
    }
    EXPECT_EQ(left(), 0u);
  }
}

}  // namespace
}  // namespace archpool
