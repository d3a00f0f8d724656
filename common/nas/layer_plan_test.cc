// SPDX-License-Identifier: Apache-2.0
#include "common/nas/layer_plan.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/nas/cost_table.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/spaces.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;

using archpool::testing::kFashion;
using archpool::testing::MakeBlock;
using archpool::testing::MakeSpace;
using archpool::testing::Ref;

// A network without a choice: one dimension with a single stem width.
SearchSpace FixedSpace(int64_t stem_width, std::vector<StageTemplate> stages) {
  ChainTemplate chain;
  chain.stem_width = Ref("stem");
  chain.stages = std::move(stages);
  return MakeSpace({{"stem", {stem_width}}}, std::move(chain));
}

absl::StatusOr<LayerPlan> FixedPlan(int64_t stem_width,
                                    std::vector<StageTemplate> stages,
                                    const TensorShape& input = kFashion,
                                    int64_t classes = 10,
                                    const PlanLimits& limits = {}) {
  const SearchSpace space = FixedSpace(stem_width, std::move(stages));
  return MakeLayerPlan(space, space.ArchitectureAt(0), input, classes, limits);
}

std::vector<std::string> KindsOf(const LayerPlan& plan) {
  std::vector<std::string> kinds;
  for (const Layer& layer : plan.layers) kinds.push_back(ToString(layer.kind));
  return kinds;
}

// What every plan must hold, whatever the space.
void ExpectConsistent(const LayerPlan& plan) {
  int64_t parameters = 0;
  int64_t macs = 0;
  int64_t train_ps = 0;
  int64_t evaluate_ps = 0;
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const Layer& layer = plan.layers[i];
    ASSERT_LT(layer.input, static_cast<int>(i));
    const TensorShape& read =
        layer.input < 0
            ? plan.input_shape
            : plan.layers[static_cast<size_t>(layer.input)].output_shape;
    EXPECT_EQ(layer.input_shape, read);
    if (layer.kind == LayerKind::kAdd) {
      ASSERT_GE(layer.second_input, 0);
      ASSERT_LT(layer.second_input, layer.input);
      EXPECT_EQ(
          plan.layers[static_cast<size_t>(layer.second_input)].output_shape,
          layer.output_shape);
    } else {
      EXPECT_EQ(layer.second_input, -1);
    }
    parameters += layer.parameters;
    macs += layer.macs;
    train_ps += CostOf(layer).train_ps;
    evaluate_ps += CostOf(layer).evaluate_ps;
  }
  EXPECT_EQ(plan.parameters, parameters);
  EXPECT_EQ(plan.macs, macs);
  train_ps += StepTrainPs();
  EXPECT_EQ(plan.train_ns_per_example, (train_ps + 999) / 1000);
  EXPECT_EQ(plan.evaluate_ns_per_example, (evaluate_ps + 999) / 1000);
  EXPECT_EQ(plan.layers.back().output_shape,
            (TensorShape{.channels = plan.classes, .height = 1, .width = 1}));
}

// Counted by hand: 144·784 + 4608·196 + 18432·49 + 640 multiply-accumulates;
// 144 + 32 + 4608 + 64 + 18432 + 128 + 650 parameters.
TEST(LayerPlanTest, CountsAThreeLayerNetworkAsByHand) {
  const absl::StatusOr<LayerPlan> plan =
      FixedPlan(16, {{.stride = 2, .blocks = {MakeBlock("conv", 3, 32)}},
                     {.stride = 2, .blocks = {MakeBlock("conv", 3, 64)}}});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(
      KindsOf(*plan),
      ElementsAre("conv", "batch_norm", "relu", "conv", "batch_norm", "relu",
                  "conv", "batch_norm", "relu", "global_avg_pool", "linear"));
  EXPECT_EQ(plan->parameters, 24'058);
  EXPECT_EQ(plan->macs, 1'919'872);
  ExpectConsistent(*plan);
}

// Depthwise 5×5 at stride 2 over 16 channels: 400 weights, 14·14 outputs; then
// pointwise 16→32.
TEST(LayerPlanTest, SeparableIsDepthwiseThenPointwise) {
  const absl::StatusOr<LayerPlan> plan =
      FixedPlan(16, {{.stride = 2, .blocks = {MakeBlock("separable", 5, 32)}}});
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->layers.size(), 11u);
  const Layer& depthwise = plan->layers[3];
  EXPECT_EQ(depthwise.groups, 16);
  EXPECT_EQ(depthwise.stride, 2);
  EXPECT_EQ(depthwise.parameters, 400);
  EXPECT_EQ(depthwise.macs, 400 * 14 * 14);
  EXPECT_EQ(depthwise.output_shape,
            (TensorShape{.channels = 16, .height = 14, .width = 14}));
  const Layer& pointwise = plan->layers[6];
  EXPECT_EQ(pointwise.groups, 1);
  EXPECT_EQ(pointwise.kernel, 1);
  EXPECT_EQ(pointwise.parameters, 16 * 32);
  EXPECT_EQ(pointwise.macs, 16 * 32 * 14 * 14);
  ExpectConsistent(*plan);
}

// The second copy has stride 1 and equal widths, so only it adds its input: the
// batch norm that ends the first copy.
TEST(LayerPlanTest, BottleneckAddsItsInputWhereShapesAgree) {
  const absl::StatusOr<LayerPlan> plan = FixedPlan(
      16, {{.stride = 2, .blocks = {MakeBlock("bottleneck", 3, 24, 4, 2)}}});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(
      KindsOf(*plan),
      ElementsAre("conv", "batch_norm", "relu",                        // stem
                  "conv", "batch_norm", "relu",                        // expand
                  "conv", "batch_norm", "relu", "conv", "batch_norm",  //
                  "conv", "batch_norm", "relu",                        // expand
                  "conv", "batch_norm", "relu", "conv", "batch_norm", "add",
                  "global_avg_pool", "linear"));
  EXPECT_EQ(plan->layers[3].output_shape.channels, 64);
  EXPECT_EQ(plan->layers[6].groups, 64);
  EXPECT_EQ(plan->layers[11].output_shape.channels, 96);
  const Layer& add = plan->layers[19];
  EXPECT_EQ(add.input, 18);
  EXPECT_EQ(add.second_input, 10);
  ExpectConsistent(*plan);
}

TEST(LayerPlanTest, BottleneckWithoutExpansionSkipsTheFirstPointwise) {
  const absl::StatusOr<LayerPlan> plan = FixedPlan(
      16, {{.stride = 1, .blocks = {MakeBlock("bottleneck", 3, 16)}}});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(
      KindsOf(*plan),
      ElementsAre("conv", "batch_norm", "relu", "conv", "batch_norm", "relu",
                  "conv", "batch_norm", "add", "global_avg_pool", "linear"));
  EXPECT_EQ(plan->layers[3].groups, 16);
  EXPECT_EQ(plan->layers[8].second_input, 2);
  ExpectConsistent(*plan);
}

TEST(LayerPlanTest, SkipAtStrideTwoIsAPointwiseOfTheSameWidth) {
  const absl::StatusOr<LayerPlan> plan = FixedPlan(
      16, {{.stride = 2, .blocks = {MakeBlock("skip", 3, 99, 1, 3)}}});
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(KindsOf(*plan),
              ElementsAre("conv", "batch_norm", "relu", "conv", "batch_norm",
                          "global_avg_pool", "linear"));
  EXPECT_EQ(plan->layers[3].kernel, 1);
  EXPECT_EQ(plan->layers[3].parameters, 256);
  EXPECT_EQ(plan->layers[3].output_shape,
            (TensorShape{.channels = 16, .height = 14, .width = 14}));
  ExpectConsistent(*plan);
}

TEST(LayerPlanTest, PoolsKeepTheWidthAndSlideLikeConvolutions) {
  const absl::StatusOr<LayerPlan> plan =
      FixedPlan(8,
                {{.stride = 2,
                  .blocks = {MakeBlock("max_pool", 3, 99),
                             MakeBlock("avg_pool", 5, 99)}}},
                {.channels = 3, .height = 7, .width = 10});
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->layers.size(), 7u);
  EXPECT_EQ(plan->layers[3].kind, LayerKind::kMaxPool);
  EXPECT_EQ(plan->layers[3].output_shape,
            (TensorShape{.channels = 8, .height = 4, .width = 5}));
  EXPECT_EQ(plan->layers[4].kind, LayerKind::kAvgPool);
  EXPECT_EQ(plan->layers[4].output_shape, plan->layers[3].output_shape);
  ExpectConsistent(*plan);
}

TEST(LayerPlanTest, HeadWidthAddsAPointwise) {
  ChainTemplate chain;
  chain.stages = {{.stride = 1, .blocks = {MakeBlock("skip", 3, 16)}}};
  chain.head_width = Ref("head");
  chain.head_activation = std::string("silu");
  const SearchSpace space =
      MakeSpace({{"head", {int64_t{0}, int64_t{128}}}}, chain);
  const auto without =
      MakeLayerPlan(space, space.ArchitectureAt(0), kFashion, 10, {});
  const auto with =
      MakeLayerPlan(space, space.ArchitectureAt(1), kFashion, 10, {});
  ASSERT_TRUE(without.ok() && with.ok());
  EXPECT_THAT(KindsOf(*without), ElementsAre("conv", "batch_norm", "relu",
                                             "global_avg_pool", "linear"));
  EXPECT_THAT(KindsOf(*with),
              ElementsAre("conv", "batch_norm", "relu", "conv", "batch_norm",
                          "silu", "global_avg_pool", "linear"));
  EXPECT_EQ(with->layers.back().parameters, 128 * 10 + 10);
}

// A stem stride and four stages of stride 2 take 28 to 14, 7, 4, 2, 1; one more
// meets a single pixel.
TEST(LayerPlanTest, RefusesAStrideOverOnePixel) {
  const StageTemplate halve{.stride = 2, .blocks = {MakeBlock("conv", 3, 8)}};
  EXPECT_TRUE(FixedPlan(8, std::vector<StageTemplate>(5, halve)).ok());
  const absl::StatusOr<LayerPlan> plan =
      FixedPlan(8, std::vector<StageTemplate>(6, halve));
  EXPECT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(GetReason(plan.status()), "SHAPE_VANISHES");
  EXPECT_EQ(
      GetReason(FixedPlan(8, {halve}, {.channels = 1, .height = 1, .width = 28})
                    .status()),
      "SHAPE_VANISHES");
}

TEST(LayerPlanTest, LimitsAreInclusive) {
  const std::vector<StageTemplate> stages = {
      {.stride = 2, .blocks = {MakeBlock("conv", 3, 32)}}};
  const absl::StatusOr<LayerPlan> plan = FixedPlan(16, stages);
  ASSERT_TRUE(plan.ok());
  const auto reason_at = [&](int64_t parameters_max, int64_t macs_max) {
    return GetReason(
        FixedPlan(16, stages, kFashion, 10,
                  {.parameters_max = parameters_max, .macs_max = macs_max})
            .status());
  };
  EXPECT_EQ(reason_at(plan->parameters, plan->macs), "");
  EXPECT_EQ(reason_at(plan->parameters - 1, 0), "PLAN_TOO_LARGE");
  EXPECT_EQ(reason_at(0, plan->macs - 1), "PLAN_TOO_LARGE");
}

// The widest of everything a template may say, on the largest inputs that fit
// 64 bits: refused, without overflow (the asan preset looks for it).
TEST(LayerPlanTest, HugeRequestsAreRefusedWithoutOverflow) {
  const std::vector<StageTemplate> widest = {
      {.stride = 1, .blocks = {MakeBlock("bottleneck", 11, 4096, 16, 16)}}};
  EXPECT_EQ(GetReason(FixedPlan(4096, widest).status()), "PLAN_TOO_LARGE");
  for (const TensorShape& input :
       {TensorShape{INT64_MAX, INT64_MAX, INT64_MAX},
        TensorShape{1, INT64_MAX, 2}, TensorShape{INT64_MAX, 1, 1},
        TensorShape{1, INT64_MAX, 1}, TensorShape{1, 1, INT64_MAX},
        TensorShape{1, 100'000, 100'000}, TensorShape{1'000'000'000, 1, 1}}) {
    EXPECT_EQ(GetReason(FixedPlan(4096, widest, input).status()),
              "PLAN_TOO_LARGE");
  }
  EXPECT_EQ(
      GetReason(FixedPlan(4096,
                          {{.stride = 1, .blocks = {MakeBlock("skip", 1, 1)}}},
                          kFashion, INT64_MAX)
                    .status()),
      "PLAN_TOO_LARGE");
}

TEST(LayerPlanTest, RefusesInputsThatAreNotPositive) {
  const std::vector<StageTemplate> stages = {
      {.stride = 2, .blocks = {MakeBlock("separable", 3, 8)}}};
  for (const TensorShape& input :
       {TensorShape{0, 28, 28}, TensorShape{1, -1, 28},
        TensorShape{1, 28, INT64_MIN}}) {
    EXPECT_EQ(GetReason(FixedPlan(8, stages, input).status()),
              "INPUT_MALFORMED");
  }
  EXPECT_EQ(GetReason(FixedPlan(8, stages, kFashion, 0).status()),
            "INPUT_MALFORMED");
}

TEST(LayerPlanTest, RefusesAnArchitectureOfAnotherSpace) {
  const SearchSpace space =
      FixedSpace(8, {{.stride = 1, .blocks = {MakeBlock("conv", 3, 8)}}});
  for (const Architecture& architecture :
       {Architecture{{}}, Architecture{{1}}, Architecture{{0, 0}}}) {
    EXPECT_EQ(
        GetReason(
            MakeLayerPlan(space, architecture, kFashion, 10, {}).status()),
        "ARCHITECTURE_MALFORMED");
  }
}

TEST(LayerPlanTest, EveryOperationGivesAConsistentPlan) {
  for (const int64_t stride : {1, 2}) {
    const SearchSpace space = archpool::testing::EveryOperation(stride);
    for (int64_t rank = 0; rank < space.size(); ++rank) {
      const auto plan =
          MakeLayerPlan(space, space.ArchitectureAt(rank), kFashion, 10, {});
      ASSERT_TRUE(plan.ok()) << plan.status();
      ExpectConsistent(*plan);
    }
  }
}

// A plan that uses most of the vocabulary, rendered for people. The id stands
// in the file too, so that a change of the encoding is noticed: ids name paid
// work, and must not drift.
TEST(LayerPlanTest, GoldenPlan) {
  ChainTemplate chain;
  chain.stem_stride = 2;
  chain.stages = {
      {.stride = 1,
       .blocks = {MakeBlock("conv", 3, 16), MakeBlock("max_pool", 3, 16)}},
      {.stride = 2,
       .blocks = {MakeBlock("bottleneck", 5, 24, 3, 2),
                  MakeBlock("skip", 3, 24)}},
      {.stride = 2,
       .blocks = {MakeBlock("separable", 3, 48),
                  MakeBlock("avg_pool", 3, 48)}}};
  chain.stages[1].blocks[0].activation = std::string("hardswish");
  chain.head_width = Ref("head");
  chain.head_activation = std::string("silu");
  const SearchSpace space = MakeSpace({{"head", {int64_t{96}}}}, chain);
  const auto plan =
      MakeLayerPlan(space, space.ArchitectureAt(0),
                    {.channels = 3, .height = 32, .width = 32}, 10, {});
  ASSERT_TRUE(plan.ok()) << plan.status();
  const std::string text = absl::StrCat(
      DescribePlan(*plan), "id ", ArchitectureIdOf(*plan).ToString(), "\n");

  const std::string path = "tests/golden/layer_plan.txt";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(text, golden.str())
      << "If the change is meant, run again with UPDATE_GOLDEN=1.";
}

}  // namespace
}  // namespace archpool
