// SPDX-License-Identifier: Apache-2.0
#include "server/core/rules/training_steps.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace archpool {
namespace {

TEST(TrainingStepsTest, TheStepsAreThoseOfTheRungsThatAreTrained) {
  Recipe recipe;
  recipe.batch_size = 128;
  recipe.epochs = 2;
  recipe.further_epochs = {3};
  DatasetManifest manifest;
  manifest.train_count = 1'000;
  Trial trial;
  EXPECT_EQ(StepsOf(recipe, manifest, trial), 7 * 2);
  trial.rung = 1;
  EXPECT_EQ(StepsOf(recipe, manifest, trial), 7 * 5);
  trial.resumes = TrialId{1};
  EXPECT_EQ(StepsOf(recipe, manifest, trial), 7 * 3);
  manifest.train_count = 100;
  EXPECT_EQ(StepsOf(recipe, manifest, trial), 3) << "one batch holds all";
}

// As kernels::SegmentBoundary lays them.
TEST(TrainingStepsTest, EveryStepLiesInTheSegmentThatBeginsBeforeIt) {
  for (const int64_t segments : {1, 3, 16, 40}) {
    for (const int64_t steps : {1, 7, 16, 33}) {
      for (int64_t step = 0; step < steps; ++step) {
        const int64_t segment = SegmentOfStep(steps, segments, step);
        ASSERT_GE(segment, 0);
        ASSERT_LT(segment, segments);
        EXPECT_LE(steps * segment / segments, step);
        EXPECT_GT(steps * (segment + 1) / segments, step);
      }
    }
  }
}

TEST(TrainingStepsTest, StepsArePaidInProportion) {
  EXPECT_EQ(UnitsOfSteps(1'000, 1, 4), 250);
  EXPECT_EQ(UnitsOfSteps(1'000, 0, 4), 250) << "the step that showed it";
  EXPECT_EQ(UnitsOfSteps(3, 1, 4), 1) << "nothing is for nothing";
  EXPECT_EQ(UnitsOfSteps(INT64_MAX, 3, 3), INT64_MAX);
}

TEST(TrainingStepsTest, TheWholeIsKnownFromAPart) {
  Recipe recipe;
  recipe.batch_size = 100;
  DatasetManifest manifest;
  manifest.train_count = 1'000;
  Trial trial;
  trial.work_units = 5'000;
  EXPECT_EQ(WholeUnitsOf(recipe, manifest, trial), 5'000);
  for (const int64_t step : {0, 1, 4, 9}) {
    trial.commitment = Commitment{.diverged_at_step = step};
    trial.work_units = UnitsOfSteps(5'000, step, 10);
    EXPECT_EQ(WholeUnitsOf(recipe, manifest, trial), 5'000) << step;
  }
}

}  // namespace
}  // namespace archpool
