// SPDX-License-Identifier: Apache-2.0
// Trainings that learn nothing: proven work is paid, a result is final, and a
// task in which nothing learns comes to its end.
#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/core/leaves/audit_draw.h"
#include "server/core/pool.h"
#include "server/core/views/task_summary.h"
#include "tests/support/pool_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

// Of 1,000 images in ten classes: chance is 100, three deviations more 128.
constexpr int64_t kGuess = 100;
constexpr int64_t kLearnt = 700;

class AtChanceTest : public testing::Test {
 protected:
  AtChanceTest() {
    alice = pool.Make("alice", Role::kMiner);
    bob = pool.Make("bob", Role::kMiner);
    alices = pool.Open(alice, "w1");
    bobs = pool.Open(bob, "w1");
  }
  const Trial& Find(TrialId id) { return *pool.pool.state().Find(id); }
  Amount Balance(AccountId account) {
    return pool.pool.state().money().BalanceOf(Place::Of(account));
  }
  // One lease, each trial of it committed, answered and verified as claimed.
  // What it trained; empty where there was no work.
  std::vector<Digest> Work(AccountId miner, SessionId session,
                           int64_t correct) {
    std::vector<Digest> trained;
    const auto grant = pool.Do(AcquireLease{miner, session}).grant;
    if (!grant) return trained;
    const std::vector<TrialId> trials = grant->lease.trials;
    for (const TrialId trial : trials) {
      const Trial* found = pool.pool.state().Find(trial);
      if (found == nullptr) break;
      if (found->state != TrialState::kAssigned) continue;
      trained.push_back(Find(trial).architecture_id);
      pool.Deliver(miner, session, grant->lease, trial, correct);
      pool.VerifyAll();
    }
    return trained;
  }
  // A large task whose trials are committed and not looked at, with the claim
  // of the i-th; returns how many were trained until nothing more was leased.
  template <typename Claim>
  int TrainUntilResultsAreAwaited(const Claim& claim) {
    TaskSpec spec = TinySpec(64);
    spec.subspaces = 16;
    pool.Submit(spec);
    int trainings = 0;
    while (trainings < 100) {
      const AcquireLease::Reply reply = pool.Do(AcquireLease{alice, alices});
      if (!reply.grant) {
        EXPECT_EQ(reply.idle_reason, "RESULTS_AWAITED");
        break;
      }
      for (const TrialId trial : reply.grant->lease.trials) {
        pool.Deliver(alice, alices, reply.grant->lease, trial,
                     claim(trainings++));
      }
    }
    return trainings;
  }
  void Report(const AuditFinding& finding) {
    const auto grant = pool.Do(AcquireAudit{pool.verifier, "v1"});
    ASSERT_TRUE(grant.has_value());
    pool.Do(ReportAudit{pool.verifier, grant->audit.id, grant->audit.attempt,
                        "v1", finding});
  }

  // Of four networks alice is given all but this one, which bob may have.
  void ExpectLeftForBob(TaskId task, const Digest& network) {
    std::set<Digest> seen;
    for (int i = 0; i < 6; ++i) {
      for (const Digest& one : Work(alice, alices, kLearnt)) seen.insert(one);
    }
    EXPECT_FALSE(seen.contains(network));
    EXPECT_EQ(seen.size(), 3u) << "all the others";
    ASSERT_NE(pool.pool.state().Find(task), nullptr)
        << "one is left for others";
    EXPECT_EQ(Work(bob, bobs, kLearnt), std::vector<Digest>{network});
  }

  TestPool pool;
  AccountId alice, bob;
  SessionId alices, bobs;
};

TEST_F(AtChanceTest, WhatLearntNothingIsAuditedWholeAndPaid) {
  const TaskId task = pool.Submit(TinySpec(4));
  const auto grant = pool.Do(AcquireLease{alice, alices}).grant;
  const TrialId trial = grant->lease.trials[0];
  pool.Deliver(alice, alices, grant->lease, trial, kGuess);
  const Audit& audit =
      *pool.pool.state().Find(pool.pool.state().audits().Of(trial));
  EXPECT_EQ(audit.kind, AuditKind::kSegment) << "not a whole training again";
  EXPECT_TRUE(audit.measures_all);
  EXPECT_EQ(CommitmentOf(Find(trial)).draw_ppm, 1'000'000);
  pool.VerifyAll();
  EXPECT_EQ(Find(trial).state, TrialState::kAccepted);
  EXPECT_TRUE(Find(trial).is_at_chance);
  const WorkUnits units = Find(trial).work_units;

  pool.Do(CancelTask{task, pool.client});
  pool.Do(ReleaseLease{alice, alices, grant->lease.id, grant->lease.attempt});
  pool.VerifyAll();
  ASSERT_EQ(pool.pool.state().Find(task), nullptr) << "ended";
  EXPECT_GT(Balance(alice), 0);
  // At the task's price: 85 of 100 coins for 10^9 units.
  EXPECT_EQ(Balance(alice), 85 * units / 1'000);
}

// However proven the miner: what is paid for nothing is examined.
TEST_F(AtChanceTest, AProvenMinersGuessIsAuditedToo) {
  PoolPolicy policy;
  policy.audit_floor_ppm = 0;
  TestPool lax(policy);
  const AccountId carol = lax.Make("carol", Role::kMiner);
  const SessionId carols = lax.Open(carol, "w");
  lax.Submit(TinySpec(8));
  for (int i = 0; i < 10; ++i) {
    const auto grant = lax.Do(AcquireLease{carol, carols}).grant;
    ASSERT_TRUE(grant.has_value());
    for (const TrialId trial : grant->lease.trials) {
      lax.Commit(carol, carols, grant->lease, trial, kGuess);
      EXPECT_TRUE(lax.pool.state().audits().Of(trial).IsSet());
      lax.Answer(carol, trial);
    }
    lax.VerifyAll();
  }
}

TEST_F(AtChanceTest, ItNeverWinsAndMeetsNoTarget) {
  TaskSpec spec = TinySpec(4);
  spec.budget.target_accuracy_ppm = 50'000;
  const TaskId task = pool.Submit(spec);
  const std::vector<Digest> trained = Work(alice, alices, kGuess);
  ASSERT_FALSE(trained.empty());
  ASSERT_EQ(pool.pool.state().Find(task)->state, TaskState::kActive);
  std::vector<Trial> trials;
  for (const TrialId id : pool.pool.state().IndexOf(task).trials) {
    trials.push_back(Find(id));
  }
  EXPECT_FALSE(Summarize(trials).best.has_value());
}

TEST_F(AtChanceTest, ItIsNoBasisForTheNextRung) {
  TaskSpec spec = TinySpec(8);
  spec.recipe.further_epochs = {2};
  spec.trials_per_lease = 1;
  const TaskId task = pool.Submit(spec);
  for (int i = 0; i < 12; ++i) Work(alice, alices, kGuess);
  for (const TrialId id : pool.pool.state().IndexOf(task).trials) {
    EXPECT_EQ(Find(id).rung, 0);
  }
}

// Two networks of random labels were once trained 3,410 times in 90 s.
TEST_F(AtChanceTest, ASmallSpaceIsExhaustedByResultsAtChance) {
  TaskSpec spec = TinySpec(1);  // four networks
  spec.budget.trials_max = 40;
  const TaskId task = pool.Submit(spec);
  std::set<Digest> seen;
  int trainings = 0;
  for (int i = 0; i < 100 && pool.pool.state().Find(task) != nullptr; ++i) {
    for (const Digest& network : Work(alice, alices, kGuess)) {
      ++trainings;
      EXPECT_TRUE(seen.insert(network).second) << "trained twice";
    }
  }
  EXPECT_EQ(pool.pool.state().Find(task), nullptr);
  EXPECT_LE(trainings, 4);
  EXPECT_GT(Balance(alice), 0);
}

TEST_F(AtChanceTest, ATaskInWhichNothingLearnsEndsAndSaysSo) {
  TaskSpec spec = TinySpec(64);
  const TaskId task = pool.Submit(spec);
  int trainings = 0;
  for (int i = 0; i < 100 && pool.pool.state().Find(task) != nullptr; ++i) {
    trainings += static_cast<int>(Work(alice, alices, kGuess).size());
  }
  EXPECT_EQ(pool.pool.state().Find(task), nullptr);
  EXPECT_GE(trainings, pool.policy.nothing_learns_trials);
  EXPECT_LE(trainings, pool.policy.nothing_learns_trials + 1);
  bool said = false;
  for (const Event& event : pool.pool.TakeEvents()) {
    const Task* ended = std::get_if<Task>(&event);
    said |= ended != nullptr && ended->state == TaskState::kFailed &&
            ended->end_reason == EndReason::kNothingLearns;
  }
  EXPECT_TRUE(said);
}

// Workers are quicker than verifiers: sixty were trained where thirty end it.
TEST_F(AtChanceTest, NothingMoreIsTrainedWhileTheLastIsMeasured) {
  const int trainings = TrainUntilResultsAreAwaited([](int) { return kGuess; });
  EXPECT_GE(trainings, pool.policy.nothing_learns_trials);
  EXPECT_LE(trainings, pool.policy.nothing_learns_trials + 1);
  pool.VerifyAll();
  EXPECT_EQ(pool.Do(AcquireLease{alice, alices}).idle_reason, "NO_OPEN_TASK");
}

// One guess in some 740 is above chance by luck, which the held-out split
// tells: a search of noise went on until its budget was spent.
TEST_F(AtChanceTest, OneLuckyGuessDoesNotKeepItGoing) {
  const TaskId task = pool.Submit(TinySpec(64));
  const auto grant = pool.Do(AcquireLease{alice, alices}).grant;
  ASSERT_TRUE(grant.has_value());
  const TrialId lucky = grant->lease.trials[0];
  pool.Deliver(alice, alices, grant->lease, lucky, 140);
  pool.Verify(140, 100);
  ASSERT_EQ(Find(lucky).state, TrialState::kAccepted);
  ASSERT_FALSE(Find(lucky).is_at_chance);
  int trainings = 1;
  for (int i = 0; i < 100 && pool.pool.state().Find(task) != nullptr; ++i) {
    trainings += static_cast<int>(Work(alice, alices, kGuess).size());
  }
  EXPECT_LE(trainings, pool.policy.nothing_learns_trials + 2);
  const std::vector<Event> events = pool.pool.TakeEvents();
  EXPECT_TRUE(std::any_of(events.begin(), events.end(), [](const Event& event) {
    const Task* ended = std::get_if<Task>(&event);
    return ended != nullptr && ended->end_reason == EndReason::kNothingLearns;
  }));
}

// Nor do claims above chance have the rest of the space trained while nobody
// has looked at them.
TEST_F(AtChanceTest, NothingMoreIsTrainedWhileALuckyClaimWaits) {
  const int trainings = TrainUntilResultsAreAwaited(
      [](int i) { return i % 10 == 5 ? int64_t{135} : kGuess; });
  EXPECT_LE(trainings, pool.policy.nothing_learns_trials + 6);
}

// A good claim that waits for its audit when the last result at chance is
// measured is a result anyway.
TEST_F(AtChanceTest, WhatMayBeBetterIsLookedAtFirst) {
  const TaskId task = pool.Submit(TinySpec(64));
  std::optional<LeaseGrant> better;
  for (int i = 0; i < 40 && !better; ++i) {
    const int64_t measured = pool.pool.state().IndexOf(task).tally.at_chance;
    if (measured + 2 >= pool.policy.nothing_learns_trials) {
      better = pool.Do(AcquireLease{bob, bobs}).grant;
      ASSERT_TRUE(better.has_value());
      pool.Commit(bob, bobs, better->lease, better->lease.trials[0], kLearnt);
      for (const TrialId trial : better->lease.trials) {
        if (trial == better->lease.trials[0]) continue;
        pool.Deliver(bob, bobs, better->lease, trial, kGuess);
      }
    } else {
      Work(alice, alices, kGuess);
    }
  }
  ASSERT_TRUE(better.has_value());
  ASSERT_NE(pool.pool.state().Find(task), nullptr);
  pool.VerifyAll();
  EXPECT_EQ(pool.pool.state().Find(task)->state, TaskState::kActive);
  EXPECT_GT(pool.pool.state().IndexOf(task).tally.learnt, 0);
}

TEST_F(AtChanceTest, OneResultAboveChanceKeepsItGoing) {
  const TaskId task = pool.Submit(TinySpec(64));
  Work(alice, alices, kLearnt);
  for (int i = 0; i < 30; ++i) Work(alice, alices, kGuess);
  ASSERT_NE(pool.pool.state().Find(task), nullptr);
  EXPECT_EQ(pool.pool.state().Find(task)->state, TaskState::kActive);
}

// One account alone does not end what others are at.
TEST_F(AtChanceTest, WhereOthersAreAtWorkTheirResultsAreAwaited) {
  const TaskId task = pool.Submit(TinySpec(64));
  const auto grant = pool.Do(AcquireLease{bob, bobs}).grant;
  ASSERT_TRUE(grant.has_value());
  for (int i = 0; i < 20; ++i) {
    Work(alice, alices, kGuess);
    pool.Do(RenewLease{bob, bobs, grant->lease.id});
  }
  ASSERT_NE(pool.pool.state().Find(task), nullptr);
  ASSERT_EQ(pool.pool.state().Find(task)->state, TaskState::kActive);
  pool.Deliver(bob, bobs, grant->lease, grant->lease.trials[0], kGuess);
  pool.VerifyAll();
  EXPECT_EQ(pool.pool.state().Find(task)->end_reason,
            EndReason::kNothingLearns);
}

// The same key would give the same bits: whoever was rejected is given other
// networks, and others may have that one.
// More than its machine has.
TEST_F(AtChanceTest, WhatIsImpossibleIsNotGivenToTheSameAccountAgain) {
  TaskSpec spec = TinySpec(1);  // four networks
  spec.subspaces = 1;
  const TaskId task = pool.Submit(spec);
  const auto grant = pool.Do(AcquireLease{alice, alices}).grant;
  const TrialId trial = grant->lease.trials[0];
  const Digest network = Find(trial).architecture_id;
  pool.Do(ReleaseLease{alice,
                       alices,
                       grant->lease.id,
                       grant->lease.attempt,
                       {trial, TrialId{999}}});
  EXPECT_EQ(Find(trial).reason, kImpossible);
  ExpectLeftForBob(task, network);
}

TEST_F(AtChanceTest, WhatWasRejectedIsNeverGivenToTheSameAccountAgain) {
  TaskSpec spec = TinySpec(1);  // four networks
  spec.subspaces = 1;
  const TaskId task = pool.Submit(spec);
  const auto grant = pool.Do(AcquireLease{alice, alices}).grant;
  const TrialId trial = grant->lease.trials[0];
  const Digest network = Find(trial).architecture_id;
  pool.Deliver(alice, alices, grant->lease, trial, 900);
  pool.Verify(500, 500);
  ASSERT_EQ(Find(trial).reason, "CLAIM_FALSE");
  ExpectLeftForBob(task, network);
}

// A claim below what the weights hold hides a find, or makes verifiers count
// what could have been said.
TEST_F(AtChanceTest, ClaimingTooLittleAgainAndAgainIsTheMinersFault) {
  pool.Submit(TinySpec(16));
  std::vector<std::string> reasons;
  for (int i = 0; i < 3; ++i) {
    const auto grant = pool.Do(AcquireLease{alice, alices}).grant;
    const TrialId trial = grant->lease.trials[0];
    pool.Deliver(alice, alices, grant->lease, trial, kGuess);
    Report(WeightsMeasured{kLearnt, kLearnt});
    reasons.push_back(Find(trial).reason);
    if (reasons.back().empty()) {
      EXPECT_EQ(Find(trial).measured->validation_correct, kLearnt);
      EXPECT_FALSE(Find(trial).is_at_chance) << "what was measured counts";
    }
    pool.Do(ReleaseLease{alice, alices, grant->lease.id, grant->lease.attempt});
  }
  EXPECT_THAT(reasons, testing::ElementsAre("", "", "CLAIM_TOO_LOW"));
}

// Of 112 steps in sixteen segments, seven for each.
TEST_F(AtChanceTest, ADivergedTrainingIsPaidForTheStepsBeforeIt) {
  TaskSpec spec = TinySpec(8);
  spec.recipe.epochs = 16;
  spec.trials_per_lease = 8;
  pool.Submit(spec);
  const auto grant = pool.Do(AcquireLease{alice, alices}).grant;
  const auto report = [&](TrialId trial, int64_t step, int64_t claim) {
    TrialReport one = FakeReport(trial, 16, claim);
    one.diverged_at_step = step;
    return pool
        .Do(ReportTrials{
            alice, alices, grant->lease.id, grant->lease.attempt, {one}})
        .results[0]
        .status;
  };
  const TrialId first = grant->lease.trials[0];
  EXPECT_THAT(report(first, -1, 0), FailsWith("DIVERGENCE_RANGE"));
  EXPECT_THAT(report(first, 112, 0), FailsWith("DIVERGENCE_RANGE"));
  EXPECT_THAT(report(first, 30, 1), FailsWith("CLAIM_RANGE"));
  const std::vector<TrialId> trials = grant->lease.trials;
  for (size_t i = 0; i < trials.size(); ++i) {
    const TrialId trial = trials[i];
    const WorkUnits whole = Find(trial).work_units;
    const auto step = static_cast<int64_t>(13 * i);
    ASSERT_THAT(report(trial, step, 0), IsOk());
    EXPECT_EQ(Find(trial).work_units,
              std::max<WorkUnits>(1, whole * std::max<int64_t>(step, 1) / 112));
    const Audit& audit =
        *pool.pool.state().Find(pool.pool.state().audits().Of(trial));
    EXPECT_TRUE(audit.measures_all);
    if (audit.kind == AuditKind::kSegment) {
      EXPECT_EQ(audit.segment, step / 7) << "the one that it diverged in";
    }
    pool.Answer(alice, trial);
    pool.VerifyAll();
    EXPECT_EQ(Find(trial).state, TrialState::kAccepted);
    EXPECT_TRUE(Find(trial).is_at_chance);
  }
}

TEST_F(AtChanceTest, TheStepThatWasReportedFirstBinds) {
  pool.Submit(TinySpec(8));
  const auto grant = pool.Do(AcquireLease{alice, alices}).grant;
  ReportTrials report{alice,
                      alices,
                      grant->lease.id,
                      grant->lease.attempt,
                      {FakeReport(grant->lease.trials[0], 16, 0)}};
  const auto report_with = [&](std::optional<int64_t> step) {
    report.reports[0].diverged_at_step = step;
    return pool.Do(report).results[0].status;
  };
  EXPECT_THAT(report_with(4), IsOk());
  EXPECT_THAT(report_with(4), IsOk()) << "the same again is harmless";
  EXPECT_THAT(report_with(5), FailsWith("COMMITMENT_BOUND"));
  EXPECT_THAT(report_with(std::nullopt), FailsWith("COMMITMENT_BOUND"));
}

// What that segment begins with could be made up so that it diverges.
TEST_F(AtChanceTest, ADivergedTrainingIsReplayedWholeEveryOtherTime) {
  const TaskId task = pool.Submit(TinySpec(8));
  int whole = 0;
  for (int64_t lease = 1; lease <= 1'000; ++lease) {
    Trial trial{.lease = {lease}};
    trial.commitment = Commitment{.diverged_at_step = 8};
    const AuditDraw draw = DrawOf(*pool.pool.state().Find(task), trial);
    whole += draw.is_whole_if_diverged ? 1 : 0;
  }
  EXPECT_NEAR(whole, 500, 60);
}

// A miner that would be rid of a training says that it diverged at once.
TEST_F(AtChanceTest, ADivergenceThatIsNoneIsFound) {
  pool.Submit(TinySpec(8));
  const auto grant = pool.Do(AcquireLease{alice, alices}).grant;
  const TrialId trial = grant->lease.trials[0];
  TrialReport report = FakeReport(trial, 16, 0);
  report.diverged_at_step = 1;
  pool.Do(ReportTrials{
      alice, alices, grant->lease.id, grant->lease.attempt, {report}});
  pool.Answer(alice, trial);
  for (const char* name : {"v1", "v2"}) {
    const auto audit = pool.Do(AcquireAudit{pool.verifier, name});
    ASSERT_TRUE(audit.has_value());
    pool.Do(ReportAudit{pool.verifier, audit->audit.id, audit->audit.attempt,
                        name, TrainingRefuted{"SEGMENT_FALSE"}});
  }
  EXPECT_EQ(Find(trial).reason, "SEGMENT_FALSE");
}

TEST_F(AtChanceTest, ACancelledTaskPaysTheTrainingUnderWay) {
  const TaskId task = pool.Submit(TinySpec(8));
  const auto grant = pool.Do(AcquireLease{alice, alices}).grant;
  ASSERT_EQ(grant->lease.trials.size(), 2u);
  pool.Do(CancelTask{task, pool.client});
  ASSERT_NE(pool.pool.state().Find(task), nullptr);
  const auto renewed = pool.Do(RenewLease{alice, alices, grant->lease.id});
  EXPECT_THAT(renewed.withdrawn, testing::ElementsAre(grant->lease.trials[1]))
      << "what was not begun is given up";
  EXPECT_EQ(pool.Try(AcquireLease{bob, bobs})->idle_reason, "NO_OPEN_TASK");
  pool.Deliver(alice, alices, grant->lease, grant->lease.trials[0], kLearnt);
  pool.VerifyAll();
  EXPECT_EQ(pool.pool.state().Find(task), nullptr) << "ended";
  EXPECT_GT(Balance(alice), 0);
}

TEST_F(AtChanceTest, AFinishingTaskWaitsForNobodyWhoIsSilent) {
  const TaskId task = pool.Submit(TinySpec(8));
  const auto grant = pool.Do(AcquireLease{alice, alices}).grant;
  pool.Do(CancelTask{task, pool.client});
  pool.Advance(2 * pool.policy.silence_term);
  EXPECT_EQ(pool.pool.state().Find(task), nullptr);
}

// Nor for a worker that is heard and never finishes.
TEST_F(AtChanceTest, AFinishingTaskEndsByItsLeasesDeadlines) {
  const TaskId task = pool.Submit(TinySpec(8));
  const auto grant = pool.Do(AcquireLease{alice, alices}).grant;
  pool.Do(CancelTask{task, pool.client});
  for (int i = 0; i < 50 && pool.pool.state().Find(task) != nullptr; ++i) {
    (void)pool.Try(RenewLease{alice, alices, grant->lease.id});
    pool.Advance(pool.policy.silence_term / 2);
  }
  EXPECT_EQ(pool.pool.state().Find(task), nullptr);
  EXPECT_LE(pool.now, grant->lease.deadline + 2 * pool.policy.silence_term);
}

TEST_F(AtChanceTest, NothingIsLeasedThatCannotFinishInTime) {
  TaskSpec spec = TinySpec(8);
  spec.budget.time_limit = absl::Seconds(1);
  spec.recipe.epochs = 1'000;
  spec.budget.work_units = 1'000'000'000'000;
  pool.Submit(spec);
  pool.now += absl::Milliseconds(999);
  const auto reply = pool.Do(AcquireLease{alice, alices});
  EXPECT_FALSE(reply.grant.has_value());
  EXPECT_EQ(reply.idle_reason, "TIME_TOO_SHORT");
}

}  // namespace
}  // namespace archpool
