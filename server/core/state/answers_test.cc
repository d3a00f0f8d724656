// SPDX-License-Identifier: Apache-2.0
// Whether weights that are not here were here once.
#include "server/core/state/answers.h"

#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/pool_fixture.h"

namespace archpool {
namespace {

const absl::Time kEnd = absl::UnixEpoch();

Task EndedTask(const std::vector<int64_t>& further_epochs) {
  TaskSpec spec = TinySpec(4);
  spec.recipe.further_epochs = further_epochs;
  return {.id = {1},
          .spec = std::make_shared<const TaskSpec>(spec),
          .state = TaskState::kSucceeded,
          .end_time = kEnd};
}

Trial AcceptedTrial(TrialBasis basis, int64_t rung = 0) {
  Trial trial;
  trial.id = {1};
  trial.task = {1};
  trial.rung = rung;
  trial.state = TrialState::kAccepted;
  VerdictIn(trial).basis = basis;
  return trial;
}

bool WereHere(const Task& task, const Trial& trial,
              absl::Time now = kEnd + absl::Hours(1)) {
  return WeightsWereHere(RetentionPolicy(), task, trial, now);
}

// It was accepted without an audit when they had come.
TEST(AnswersTest, OfTrialsThatMayBeContinuedTheWeightsCame) {
  const Task with_rungs = EndedTask({2, 4});
  EXPECT_TRUE(WereHere(with_rungs, AcceptedTrial(TrialBasis::kSampledOut, 0)));
  EXPECT_TRUE(WereHere(with_rungs, AcceptedTrial(TrialBasis::kSampledOut, 1)));
  EXPECT_FALSE(WereHere(with_rungs, AcceptedTrial(TrialBasis::kSampledOut, 2)));
  EXPECT_FALSE(WereHere(EndedTask({}), AcceptedTrial(TrialBasis::kSampledOut)));
}

TEST(AnswersTest, OfAuditedTrialsTheWeightsCame) {
  const Task task = EndedTask({});
  EXPECT_TRUE(WereHere(task, AcceptedTrial(TrialBasis::kAudited)));
  EXPECT_TRUE(WereHere(task, AcceptedTrial(TrialBasis::kReplayed)));
}

// Some were sent before the pool gave up to have them verified.
TEST(AnswersTest, OfUnverifiedTrialsWhatWouldBeKeptDidNotCome) {
  const Trial trial = AcceptedTrial(TrialBasis::kUnverified);
  const absl::Duration kept = RetentionPolicy().results;
  Task task = EndedTask({});
  EXPECT_FALSE(WereHere(task, trial, kEnd + kept - absl::Seconds(1)));
  EXPECT_TRUE(WereHere(task, trial, kEnd + kept));
  task.end_time.reset();
  EXPECT_FALSE(WereHere(task, trial, kEnd + 2 * kept));
}

}  // namespace
}  // namespace archpool
