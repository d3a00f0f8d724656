// SPDX-License-Identifier: Apache-2.0
#include "common/nas/training_memory.h"

#include "gtest/gtest.h"
#include "tests/support/spaces.h"

namespace archpool {
namespace {

LayerPlan PlanOf(int64_t width, int64_t repeat) {
  ChainTemplate chain;
  chain.stem_width = DimensionRef{"width"};
  chain.stages = {StageTemplate{
      .stride = 1,
      .blocks = {archpool::testing::MakeBlock("conv", 3, width, 1, repeat)}}};
  const SearchSpace space =
      archpool::testing::MakeSpace({{"width", {width}}}, std::move(chain));
  return *MakeLayerPlan(space, space.ArchitectureAt(0),
                        archpool::testing::kFashion, 10, {});
}

TEST(TrainingMemoryTest, GrowsWithTheBatchAndWithEveryLayer) {
  const LayerPlan plan = PlanOf(16, 2);
  const int64_t small = TrainingMemoryMaxBytes(plan, 16);
  const int64_t large = TrainingMemoryMaxBytes(plan, 4096);
  EXPECT_GT(large, 200 * small);
  EXPECT_GT(TrainingMemoryMaxBytes(PlanOf(16, 4), 128),
            TrainingMemoryMaxBytes(plan, 128));
  // Every output of every layer is kept for the backward pass.
  int64_t outputs = 0;
  for (const Layer& layer : plan.layers) {
    outputs += layer.output_shape.elements();
  }
  EXPECT_GE(TrainingMemoryMaxBytes(plan, 128), 4 * 128 * outputs);
}

TEST(TrainingMemoryTest, TheLargestPlansOverflowNothing) {
  LayerPlan plan;
  plan.input_shape = {1, 1, 1};
  plan.parameters = kPlanParametersMax;
  plan.layers.push_back({.output_shape = {kPlanActivationsMax, 1, 1}});
  EXPECT_GT(TrainingMemoryMaxBytes(plan, 4096), int64_t{1} << 43);
  EXPECT_GT(CheckpointMaxBytes(plan), 12 * kPlanParametersMax);
}

}  // namespace
}  // namespace archpool
