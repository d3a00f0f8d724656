// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/schedule.h"

#include <cmath>

#include "gtest/gtest.h"

namespace archpool::kernels {
namespace {

Recipe SmallRecipe() {
  Recipe recipe;
  recipe.batch_size = 10;
  recipe.epochs = 4;
  recipe.learning_rate_ppm = 200'000;
  recipe.warmup_ppm = 250'000;
  return recipe;
}

// Only whole batches count, and a dataset below one batch is one batch.
TEST(ScheduleTest, CountsWholeBatches) {
  const Schedule schedule(SmallRecipe(), 107);
  EXPECT_EQ(schedule.batch_size(), 10);
  EXPECT_EQ(schedule.steps_per_epoch(), 10);
  EXPECT_EQ(schedule.steps(), 40);
  const Schedule tiny(SmallRecipe(), 7);
  EXPECT_EQ(tiny.batch_size(), 7);
  EXPECT_EQ(tiny.steps(), 4);
}

// Against libm's cosine: our series stays within 1e-9 of it.
TEST(ScheduleTest, WarmsUpLinearlyThenFollowsTheCosine) {
  const Schedule schedule(SmallRecipe(), 100);
  EXPECT_DOUBLE_EQ(schedule.LearningRate(0), 0.02);
  EXPECT_DOUBLE_EQ(schedule.LearningRate(4), 0.1);
  EXPECT_DOUBLE_EQ(schedule.LearningRate(10), 0.2);
  for (int64_t step = 10; step < 40; ++step) {
    const double fraction = static_cast<double>(step - 10) / 30.0;
    EXPECT_NEAR(schedule.LearningRate(step),
                0.1 * (1.0 + std::cos(M_PI * fraction)), 1e-9)
        << step;
  }
}

TEST(ScheduleTest, WarmUpMayTakeAllStepsOrNone) {
  Recipe recipe = SmallRecipe();
  recipe.warmup_ppm = 1'000'000;
  EXPECT_DOUBLE_EQ(Schedule(recipe, 100).LearningRate(39), 0.2);
  recipe.warmup_ppm = 0;
  EXPECT_DOUBLE_EQ(Schedule(recipe, 100).LearningRate(0), 0.2);
}

}  // namespace
}  // namespace archpool::kernels
