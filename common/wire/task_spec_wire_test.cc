// SPDX-License-Identifier: Apache-2.0
#include "common/wire/task_spec_wire.h"

#include <functional>
#include <string>

#include "common/model/limits.h"
#include "common/nas/template_limits.h"
#include "common/wire/wire_test_data.h"
#include "gtest/gtest.h"

namespace archpool::wire {
namespace {

TEST(TaskSpecWireTest, RoundTrips) {
  const TaskSpec spec = TestSpec();
  v1::TaskSpec proto;
  ASSERT_TRUE(proto.ParseFromString(ToProto(spec).SerializeAsString()));
  const auto read = TaskSpecFromProto(proto);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, spec);
}

TEST(TaskSpecWireTest, ManifestRoundTrips) {
  const auto read = ManifestFromProto("manifest", ToProto(TestManifest()));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, TestManifest());
  EXPECT_EQ(read->Id(), TestManifest().Id());
}

struct BadSpec {
  const char* field;
  std::function<void(v1::TaskSpec&)> spoil;
};

// One field is spoilt at a time; the refusal must name it.
TEST(TaskSpecWireTest, RefusesBadSpecsAndNamesTheField) {
  const BadSpec cases[] = {
      {"name", [](auto& s) { s.clear_name(); }},
      {"name", [](auto& s) { s.set_name(std::string(101, 'a')); }},
      {"name", [](auto& s) { s.set_name("a\tb"); }},
      {"dataset_id", [](auto& s) { s.clear_dataset_id(); }},
      {"dataset_id", [](auto& s) { s.set_dataset_id("31 bytes"); }},
      {"space", [](auto& s) { s.clear_space(); }},
      {"recipe", [](auto& s) { s.clear_recipe(); }},
      {"time_limit", [](auto& s) { s.clear_time_limit(); }},
      {"time_limit",
       [](auto& s) {
         s.mutable_time_limit()->set_seconds(0);
         s.mutable_time_limit()->set_nanos(0);
       }},
      {"time_limit", [](auto& s) { s.mutable_time_limit()->set_seconds(-5); }},
      {"time_limit",
       [](auto& s) { s.mutable_time_limit()->set_seconds(INT64_MAX); }},
      {"time_limit", [](auto& s) { s.mutable_time_limit()->set_nanos(-7); }},
      {"parameters_max", [](auto& s) { s.set_parameters_max(-1); }},
      {"macs_max", [](auto& s) { s.set_macs_max(INT64_MAX); }},
      {"work_units", [](auto& s) { s.set_budget_work_units(0); }},
      {"work_units", [](auto& s) { s.set_budget_work_units(INT64_MAX); }},
      {"trials_max", [](auto& s) { s.set_trials_max(-1); }},
      {"target_accuracy_ppm",
       [](auto& s) { s.set_target_accuracy_ppm(1'000'001); }},
      {"reward", [](auto& s) { s.set_reward_micros(0); }},
      {"reward", [](auto& s) { s.set_reward_micros(kAmountMax + 1); }},
      {"finders_bonus_ppm", [](auto& s) { s.set_finders_bonus_ppm(500'001); }},
      {"subspaces", [](auto& s) { s.set_subspaces(0); }},
      {"trials_per_lease", [](auto& s) { s.set_trials_per_lease(65); }}};
  for (const BadSpec& bad : cases) {
    v1::TaskSpec proto = ToProto(TestSpec());
    bad.spoil(proto);
    const auto read = TaskSpecFromProto(proto);
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument)
        << bad.field;
    EXPECT_NE(ReasonOf(read), "") << bad.field;
    EXPECT_THAT(std::string(read.status().message()),
                ::testing::HasSubstr(bad.field))
        << bad.field;
  }
}

// What was allowed when it came in, and would not be today.
TEST(TaskSpecWireTest, TheRangesOfAStoredSpecAreTrusted) {
  TaskSpec spec = TestSpec();
  spec.name = std::string(limits::kTaskNameLength.max + 1, 'a');
  spec.limits.macs_max = limits::kMacsMax.max + 1;
  spec.recipe.batch_size = limits::kBatchSize.max + 1;
  spec.recipe.further_epochs.assign(limits::kFurtherRungs.max + 1, 1);
  spec.budget.time_limit = limits::kTimeLimit.max + absl::Seconds(1);
  spec.search.policy = std::string(65, 'p');
  spec.subspaces = limits::kSubspaces.max + 1;
  v1::TaskSpec proto = ToProto(spec);
  proto.mutable_space()->mutable_chain_template()->set_stem_kernel(
      limits::kKernel.max + 1);
  EXPECT_FALSE(TaskSpecFromProto(proto).ok());
  const auto read = StoredTaskSpecFromProto(proto);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(ToProto(*read).SerializeAsString(), proto.SerializeAsString());
  v1::TaskSpec damaged = proto;
  damaged.clear_space();
  EXPECT_FALSE(StoredTaskSpecFromProto(damaged).ok()) << "it has no form";
  damaged = proto;
  damaged.mutable_recipe()->set_segments(0);
  EXPECT_FALSE(StoredTaskSpecFromProto(damaged).ok()) << "segments are divided";
}

struct BadRecipe {
  const char* field;
  std::function<void(v1::Recipe&, int64_t)> set;
  int64_t under;
  int64_t over;
};

TEST(TaskSpecWireTest, EveryNumberOfARecipeHasItsRange) {
  const BadRecipe cases[] = {
      {"batch_size", [](auto& r, int64_t v) { r.set_batch_size(v); }, 0, 4097},
      {"epochs", [](auto& r, int64_t v) { r.set_epochs(v); }, 0, 1001},
      {"learning_rate_ppm",
       [](auto& r, int64_t v) { r.set_learning_rate_ppm(v); }, 0, 10'000'001},
      {"momentum_ppm", [](auto& r, int64_t v) { r.set_momentum_ppm(v); }, -1,
       1'000'000},
      {"weight_decay_ppm",
       [](auto& r, int64_t v) { r.set_weight_decay_ppm(v); }, -1, 1'000'001},
      {"label_smoothing_ppm",
       [](auto& r, int64_t v) { r.set_label_smoothing_ppm(v); }, -1, 900'001},
      {"warmup_ppm", [](auto& r, int64_t v) { r.set_warmup_ppm(v); }, -1,
       1'000'001},
      {"shift_pixels_max",
       [](auto& r, int64_t v) { r.set_shift_pixels_max(v); }, -1, 9},
      {"segments", [](auto& r, int64_t v) { r.set_segments(v); }, 0, 1025}};
  for (const BadRecipe& bad : cases) {
    for (const int64_t value : {bad.under, bad.over}) {
      v1::Recipe proto = ToProto(Recipe{});
      bad.set(proto, value);
      const auto read = RecipeFromProto(proto);
      EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
      EXPECT_THAT(std::string(read.status().message()),
                  ::testing::HasSubstr(bad.field));
      proto = ToProto(Recipe{});
      bad.set(proto, value == bad.under ? value + 1 : value - 1);
      EXPECT_TRUE(RecipeFromProto(proto).ok()) << bad.field;
    }
  }
}

TEST(TaskSpecWireTest, RefusesManifestsThatCannotBe) {
  const std::function<void(v1::DatasetManifest&)> cases[] = {
      [](auto& m) { m.set_channels(0); },
      [](auto& m) { m.set_height(-1); },
      [](auto& m) { m.set_width(1 << 20); },
      [](auto& m) { m.set_classes(257); },
      [](auto& m) { m.set_train_count(0); },
      [](auto& m) { m.set_validation_count(-1); },
      [](auto& m) { m.set_held_out_count(0); },
      [](auto& m) { m.set_deviation_ppm(0); },
      [](auto& m) { m.set_mean_ppm(1'000'001); },
      [](auto& m) { m.clear_train_digest(); },
      [](auto& m) { m.set_validation_digest("x"); }};
  for (const auto& spoil : cases) {
    v1::DatasetManifest proto = ToProto(TestManifest());
    spoil(proto);
    EXPECT_FALSE(ManifestFromProto("manifest", proto).ok())
        << proto.DebugString();
  }
}

}  // namespace
}  // namespace archpool::wire
