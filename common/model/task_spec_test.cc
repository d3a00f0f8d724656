// SPDX-License-Identifier: Apache-2.0
#include "common/model/task_spec.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/model/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/spaces.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

TaskSpec GoodSpec() {
  TaskSpec spec;
  spec.name = "fashion, small networks";
  spec.dataset = Sha256(absl::string_view("manifest"));
  spec.space = archpool::testing::SpaceOfSizes({2, 3});
  spec.budget.work_units = 1'000'000;
  spec.terms.reward = kAmountPerCoin;
  return spec;
}

template <typename Spoil>
void ExpectRefused(const std::string& reason, const std::string& field,
                   const Spoil& spoil) {
  TaskSpec spec = GoodSpec();
  spoil(spec);
  const absl::Status status = spec.Validate();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(GetReason(status), reason);
  EXPECT_THAT(std::string(status.message()), HasSubstr(field));
}

TEST(TaskSpecTest, AcceptsAGoodSpec) {
  EXPECT_TRUE(GoodSpec().Validate().ok()) << GoodSpec().Validate();
}

// Both ends of each range pass; the values just beyond do not, and the message
// names the field, its value and the range.
TEST(TaskSpecTest, EveryIntegerIsHeldToItsRange) {
  struct Field {
    std::string reason;
    std::string name;
    int64_t min;
    int64_t max;
    int64_t& (*of)(TaskSpec&);
  };
  using Spec = TaskSpec;
  const Field fields[] = {
      {"RECIPE_RANGE", "recipe.batch_size", 1, 4096,
       [](Spec& s) -> int64_t& { return s.recipe.batch_size; }},
      {"RECIPE_RANGE", "recipe.epochs", 1, 1000,
       [](Spec& s) -> int64_t& { return s.recipe.epochs; }},
      {"RECIPE_RANGE", "recipe.learning_rate_ppm", 1, 10'000'000,
       [](Spec& s) -> int64_t& { return s.recipe.learning_rate_ppm; }},
      {"RECIPE_RANGE", "recipe.momentum_ppm", 0, 999'999,
       [](Spec& s) -> int64_t& { return s.recipe.momentum_ppm; }},
      {"RECIPE_RANGE", "recipe.weight_decay_ppm", 0, 1'000'000,
       [](Spec& s) -> int64_t& { return s.recipe.weight_decay_ppm; }},
      {"RECIPE_RANGE", "recipe.label_smoothing_ppm", 0, 900'000,
       [](Spec& s) -> int64_t& { return s.recipe.label_smoothing_ppm; }},
      {"RECIPE_RANGE", "recipe.warmup_ppm", 0, 1'000'000,
       [](Spec& s) -> int64_t& { return s.recipe.warmup_ppm; }},
      {"RECIPE_RANGE", "recipe.shift_pixels_max", 0, 8,
       [](Spec& s) -> int64_t& { return s.recipe.shift_pixels_max; }},
      {"RECIPE_RANGE", "recipe.segments", 1, 1024,
       [](Spec& s) -> int64_t& { return s.recipe.segments; }},
      {"LIMITS_RANGE", "limits.parameters_max", 0, kPlanParametersMax,
       [](Spec& s) -> int64_t& { return s.limits.parameters_max; }},
      {"LIMITS_RANGE", "limits.macs_max", 0, kPlanMacsMax,
       [](Spec& s) -> int64_t& { return s.limits.macs_max; }},
      {"BUDGET_RANGE", "budget.work_units", 1, kWorkUnitsMax,
       [](Spec& s) -> int64_t& { return s.budget.work_units; }},
      {"BUDGET_RANGE", "budget.trials_max", 0, 1'000'000'000,
       [](Spec& s) -> int64_t& { return s.budget.trials_max; }},
      {"BUDGET_RANGE", "budget.target_accuracy_ppm", 0, 1'000'000,
       [](Spec& s) -> int64_t& { return s.budget.target_accuracy_ppm; }},
      {"REWARD_RANGE", "terms.reward", 1, kAmountMax,
       [](Spec& s) -> int64_t& { return s.terms.reward; }},
      {"REWARD_RANGE", "terms.finders_bonus_ppm", 0, 500'000,
       [](Spec& s) -> int64_t& { return s.terms.finders_bonus_ppm; }},
      {"SPLIT_RANGE", "subspaces", 1, 16'384,
       [](Spec& s) -> int64_t& { return s.subspaces; }},
      {"SPLIT_RANGE", "trials_per_lease", 1, 64,
       [](Spec& s) -> int64_t& { return s.trials_per_lease; }},
  };
  for (const Field& field : fields) {
    for (const int64_t value : {field.min, field.max}) {
      TaskSpec spec = GoodSpec();
      field.of(spec) = value;
      EXPECT_TRUE(spec.Validate().ok()) << field.name << " " << value;
    }
    for (const int64_t value :
         {field.min - 1, field.max + 1, INT64_MIN, INT64_MAX}) {
      const std::string message =
          absl::StrCat("field ", field.name, " is ", value, "; it must be in [",
                       field.min, ", ", field.max, "]");
      ExpectRefused(field.reason, message,
                    [&](TaskSpec& spec) { field.of(spec) = value; });
    }
  }
}

// Tasks from before are read anyway: Validate takes them.
TEST(TaskSpecTest, NewTasksKeepToNarrowerLimits) {
  const auto expect_refused = [](const TaskSpec& spec,
                                 const std::string& reason,
                                 const std::string& text) {
    EXPECT_TRUE(spec.Validate().ok());
    const absl::Status status = spec.ValidateNew();
    EXPECT_EQ(GetReason(status), reason);
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
  };
  EXPECT_TRUE(GoodSpec().ValidateNew().ok());
  TaskSpec spec = GoodSpec();
  spec.recipe.batch_size = 15;
  expect_refused(spec, "RECIPE_RANGE",
                 "field recipe.batch_size is 15; it must be in [16, 4096]");
  spec = GoodSpec();
  spec.search.policy = "exhaustive";
  EXPECT_TRUE(spec.ValidateNew().ok());
  spec.space = archpool::testing::SpaceOfSizes({64, 64, 64, 4});
  expect_refused(spec, "SEARCH_POLICY", "1048576 architectures");
}

TEST(TaskSpecTest, NamesArePrintableAndShort) {
  for (const std::string& name :
       {std::string(), std::string(101, 'a'), std::string("two\nlines"),
        std::string("\x1b[31m"), std::string("café"), std::string(1, '\0')}) {
    ExpectRefused("TASK_NAME", "name",
                  [&](TaskSpec& spec) { spec.name = name; });
  }
  TaskSpec spec = GoodSpec();
  spec.name = std::string(100, '~');
  EXPECT_TRUE(spec.Validate().ok());
}

TEST(TaskSpecTest, TimeLimitIsFiniteAndPositive) {
  for (const absl::Duration limit :
       {absl::ZeroDuration(), absl::Milliseconds(999), -absl::Hours(1),
        limits::kTimeLimit.max + absl::Nanoseconds(1), absl::InfiniteDuration(),
        -absl::InfiniteDuration()}) {
    ExpectRefused("BUDGET_RANGE", "budget.time_limit",
                  [&](TaskSpec& spec) { spec.budget.time_limit = limit; });
  }
  for (const absl::Duration limit :
       {limits::kTimeLimit.min, limits::kTimeLimit.max}) {
    TaskSpec spec = GoodSpec();
    spec.budget.time_limit = limit;
    EXPECT_TRUE(spec.Validate().ok());
  }
}

TEST(TaskSpecTest, DatasetAndSpaceAreRequired) {
  ExpectRefused("DATASET_MISSING", "dataset",
                [](TaskSpec& spec) { spec.dataset = Digest(); });
  ExpectRefused("SPACE_EMPTY", "space",
                [](TaskSpec& spec) { spec.space = SearchSpace(); });
}

}  // namespace
}  // namespace archpool
