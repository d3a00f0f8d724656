// SPDX-License-Identifier: Apache-2.0
// A client that asks again about the same dataset and recipe keeps what it
// bought.
#include <set>

#include "gtest/gtest.h"
#include "server/core/pool.h"
#include "server/core/views/task_summary.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

class KnownResultsTest : public ::testing::Test {
 protected:
  KnownResultsTest() {
    alice = pool.Make("alice", Role::kMiner);
    session = pool.Open(alice, "w1");
  }
  // Trains the task until it ends; what its accepted trials are then.
  std::vector<Trial> TrainAll(TaskId task) {
    std::vector<Trial> accepted;
    while (pool.pool.state().Find(task) != nullptr) {
      const auto reply = pool.Do(AcquireLease{alice, session});
      if (!reply.grant) {
        pool.VerifyAll();
        continue;
      }
      for (const Assignment& one : reply.grant->assignments) {
        const auto correct =
            static_cast<int64_t>(300 + one.architecture_id.Prefix64() % 600);
        pool.Deliver(alice, session, reply.grant->lease, one.trial, correct);
        (void)pool.pool.TakeEvents();
        pool.Verify(correct, correct);
        for (const Event& event : pool.pool.TakeEvents()) {
          const auto* trial = std::get_if<Trial>(&event);
          if (trial != nullptr && trial->state == TrialState::kAccepted &&
              SettlementOf(*trial).pay == 0 && !trial->known_from.IsSet()) {
            accepted.push_back(*trial);
          }
        }
      }
    }
    return accepted;
  }
  TaskId SubmitAgain(TaskSpec spec, std::vector<Trial> known) {
    return pool.Do(SubmitTask{pool.client, std::move(spec),
                              "again " + std::to_string(++requests),
                              Sha256("other secret"), std::move(known)});
  }
  std::vector<Trial> TrialsOf(TaskId task) {
    std::vector<Trial> trials;
    for (const TrialId id : pool.pool.state().IndexOf(task).trials) {
      trials.push_back(*pool.pool.state().Find(id));
    }
    return trials;
  }

  TestPool pool;
  AccountId alice;
  SessionId session;
  int requests = 0;
};

TaskSpec FewTrials(int64_t trials) {
  TaskSpec spec = TinySpec(4);
  spec.budget.trials_max = trials;
  return spec;
}

TEST_F(KnownResultsTest, AreNeitherTrainedNorPaidAgain) {
  const std::vector<Trial> known = TrainAll(pool.Submit(FewTrials(5)));
  ASSERT_EQ(known.size(), 5u);
  const Amount before = pool.pool.state().money().BalanceOf(Place::Of(alice));
  const TaskId again = SubmitAgain(FewTrials(4), known);
  const TaskSummary summary = Summarize(TrialsOf(again));
  EXPECT_EQ(summary.trials_known, 5);
  EXPECT_EQ(summary.trials_accepted, 0);
  EXPECT_EQ(summary.work_units_accepted, 0);
  ASSERT_TRUE(summary.best.has_value()) << "they are results of the task";
  std::set<Digest> ids;
  for (const Trial& trial : known) ids.insert(trial.architecture_id);
  // All four of its own trials go to networks that are not known.
  const std::vector<Trial> fresh = TrainAll(again);
  EXPECT_EQ(fresh.size(), 4u);
  for (const Trial& trial : fresh) {
    EXPECT_TRUE(ids.insert(trial.architecture_id).second);
  }
  EXPECT_GT(pool.pool.state().money().BalanceOf(Place::Of(alice)), before);
}

TEST_F(KnownResultsTest, WhatIsKnownTwiceIsOneResult) {
  std::vector<Trial> known = TrainAll(pool.Submit(FewTrials(5)));
  known.push_back(known[4]);
  const TaskId again = SubmitAgain(FewTrials(4), known);
  EXPECT_EQ(Summarize(TrialsOf(again)).trials_known, 5);
}

TEST_F(KnownResultsTest, AKnownTargetEndsTheTaskAtOnce) {
  const std::vector<Trial> known = TrainAll(pool.Submit(FewTrials(5)));
  const Amount before =
      pool.pool.state().money().BalanceOf(Place::Of(pool.client));
  TaskSpec spec = FewTrials(4);
  spec.budget.target_accuracy_ppm = 300'000;
  const TaskId again = SubmitAgain(spec, known);
  EXPECT_EQ(pool.pool.state().Find(again), nullptr) << "it has ended";
  EXPECT_EQ(pool.pool.state().money().BalanceOf(Place::Of(pool.client)), before)
      << "and nothing was spent";
}

// A network that is worse than what was known finds nothing.
TEST_F(KnownResultsTest, TheFindersBonusIsForWhatIsNew) {
  const std::vector<Trial> known = TrainAll(pool.Submit(FewTrials(16)));
  ASSERT_EQ(known.size(), 16u) << "the whole space";
  const Amount miner = pool.pool.state().money().BalanceOf(Place::Of(alice));
  const TaskId again = SubmitAgain(FewTrials(4), known);
  TrainAll(again);
  EXPECT_EQ(pool.pool.state().money().BalanceOf(Place::Of(alice)), miner);
  EXPECT_EQ(pool.pool.state().money().BalanceOf(Place::EscrowOf(again)), 0);
}

}  // namespace
}  // namespace archpool
