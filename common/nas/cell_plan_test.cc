// SPDX-License-Identifier: Apache-2.0
// Templates with cells and variants.
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/nas/layer_plan.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/spaces.h"

namespace archpool {
namespace {

using ::archpool::testing::kFashion;
using ::archpool::testing::MakeBlock;
using ::archpool::testing::MakeSpace;
using ::archpool::testing::NasBench201Space;
using ::archpool::testing::Ref;
using ::testing::HasSubstr;

enum : uint8_t { kNone, kSkip, kConv1, kConv3, kPool };

absl::StatusOr<LayerPlan> PlanOf(const SearchSpace& space,
                                 std::vector<uint8_t> choices) {
  return MakeLayerPlan(space, {std::move(choices)}, kFashion, 10, {});
}

// As many networks as there are cells under every renaming of operations, less
// the one that passes nothing on.
TEST(CellPlanTest, EveryCellOfNasBench201HasOneId) {
  const SearchSpace space = NasBench201Space(4, 1);
  ASSERT_EQ(space.size(), 15625);
  std::set<Digest> ids;
  for (int64_t rank = 0; rank < space.size(); ++rank) {
    const auto plan = PlanOf(space, space.ArchitectureAt(rank).choices);
    if (plan.ok()) {
      ids.insert(ArchitectureIdOf(*plan));
    } else {
      EXPECT_EQ(GetReason(plan.status()), "CELL_PASSES_NOTHING");
    }
  }
  EXPECT_EQ(ids.size(), 5424u);
}

TEST(CellPlanTest, RenamedNodesAreOneNetwork) {
  const SearchSpace space = NasBench201Space(8, 2);
  const auto id = [&](std::vector<uint8_t> choices) {
    return ArchitectureIdOf(*PlanOf(space, std::move(choices)));
  };
  EXPECT_EQ(id({kConv3, kPool, kNone, kNone, kConv1, kConv1}),
            id({kPool, kConv3, kNone, kNone, kConv1, kConv1}));
  EXPECT_EQ(id({kNone, kNone, kNone, kConv3, kConv1, kPool}),
            id({kNone, kNone, kNone, kConv3, kNone, kNone}));
  // A convolution whose result is used twice is not two convolutions.
  EXPECT_NE(id({kConv3, kNone, kSkip, kNone, kConv3, kSkip}),
            id({kConv3, kConv3, kNone, kNone, kConv3, kSkip}));
}

// Counted by hand: stem 3×3, 1 → 16; five times a 3×3 convolution of 16; each
// with its norm; and likewise at 32 and 64 after a residual block.
TEST(CellPlanTest, CountsParameters) {
  const auto plan = PlanOf(NasBench201Space(16, 5),
                           {kNone, kNone, kNone, kConv3, kNone, kNone});
  ASSERT_TRUE(plan.ok()) << plan.status();
  const auto conv = [](int64_t in, int64_t out, int64_t kernel) {
    return in * out * kernel * kernel + 2 * out;
  };
  const auto residual = [&](int64_t in, int64_t out) {
    return conv(in, out, 3) + conv(out, out, 3) + conv(in, out, 1);
  };
  EXPECT_EQ(plan->parameters, conv(1, 16, 3) + 5 * conv(16, 16, 3) +
                                  residual(16, 32) + 5 * conv(32, 32, 3) +
                                  residual(32, 64) + 5 * conv(64, 64, 3) +
                                  64 * 10 + 10);
}

TEST(CellPlanTest, ASumReadTwiceIsComputedOnce) {
  // Node 1 = x + conv(x) would be needed by two edges; node 2 reads it by two
  // operations.
  ChainTemplate chain;
  chain.stem_width = Ref("stem");
  chain.cells = {{.name = "cell",
                  .nodes = 4,
                  .edges = {{.from = 0, .to = 1, .operation = "conv"},
                            {.from = 0, .to = 2, .operation = "skip"},
                            {.from = 1, .to = 2, .operation = "skip"},
                            {.from = 2, .to = 3, .operation = "separable"}}}};
  chain.stages = {{.blocks = {MakeBlock("cell", 3, 8)}}};
  const SearchSpace space = MakeSpace({{"stem", {int64_t{8}}}}, chain);
  const auto plan = PlanOf(space, {0});
  ASSERT_TRUE(plan.ok()) << plan.status();
  int64_t adds = 0;
  for (const Layer& layer : plan->layers) {
    adds += layer.kind == LayerKind::kAdd;
  }
  EXPECT_EQ(adds, 1);
}

ChainTemplate Blocks(std::vector<BlockTemplate> blocks) {
  ChainTemplate chain;
  chain.stages = {{.stride = 2, .blocks = std::move(blocks)}};
  return chain;
}

TEST(VariantTest, IsTheOperationSpeltOut) {
  ChainTemplate chain = Blocks({MakeBlock("conv", 3, 24)});
  chain.variants = {
      {.name = "k3e3", .operation = "bottleneck", .kernel = 3, .expansion = 3},
      {.name = "k5e6",
       .operation = "bottleneck",
       .kernel = 5,
       .expansion = 6,
       .activation = "silu"}};
  chain.stages[0].blocks[0].operation = Ref("block");
  const SearchSpace space = MakeSpace(
      {{"block",
        {std::string("identity"), std::string("k3e3"), std::string("k5e6")}}},
      chain);
  const auto spelt_out = [](BlockTemplate block) {
    ChainTemplate fixed = Blocks({std::move(block)});
    fixed.stem_width = Ref("stem");
    const SearchSpace one = MakeSpace({{"stem", {int64_t{16}}}}, fixed);
    return ArchitectureIdOf(*PlanOf(one, {0}));
  };
  EXPECT_EQ(ArchitectureIdOf(*PlanOf(space, {0})),
            spelt_out(MakeBlock("identity", 3, 24)));
  EXPECT_EQ(ArchitectureIdOf(*PlanOf(space, {1})),
            spelt_out(MakeBlock("bottleneck", 3, 24, 3)));
  BlockTemplate five = MakeBlock("bottleneck", 5, 24, 6);
  five.activation = std::string("silu");
  EXPECT_EQ(ArchitectureIdOf(*PlanOf(space, {2})), spelt_out(five));
}

// One thing is wrong at a time.
TEST(VariantTest, RefusesWhatDoesNotFit) {
  struct Bad {
    const char* reason;
    const char* says;
    std::function<void(ChainTemplate&)> spoil;
  };
  const Bad cases[] = {
      {"TEMPLATE_SHAPE", "cells[0].name is \"conv\"",
       [](auto& c) { c.cells[0].name = "conv"; }},
      {"TEMPLATE_SHAPE", "cells[0].name must have",
       [](auto& c) { c.cells[0].name = ""; }},
      {"TEMPLATE_RANGE", "cells[0].nodes",
       [](auto& c) { c.cells[0].nodes = 9; }},
      {"TEMPLATE_SHAPE", "from 2 to 1",
       [](auto& c) {
         std::swap(c.cells[0].edges[1].from, c.cells[0].edges[1].to);
       }},
      {"TEMPLATE_SHAPE", "no two may join",
       [](auto& c) { c.cells[0].edges[1] = c.cells[0].edges[0]; }},
      {"TEMPLATE_RANGE", "cells[0].edges[1].operation",
       [](auto& c) { c.cells[0].edges[1].operation = "cell"; }},
      {"TEMPLATE_RANGE", "stages[0].blocks[0].operation",
       [](auto& c) { c.stages[0].blocks[0].operation = "none"; }},
      {"TEMPLATE_SHAPE", "is \"wide\", which is an operation already",
       [](auto& c) { c.variants.push_back(c.variants[0]); }},
      {"TEMPLATE_SHAPE", "no operation or cell",
       [](auto& c) {
         c.variants.push_back({.name = "wider", .operation = "wide"});
       }},
      {"TEMPLATE_RANGE", "kernel", [](auto& c) { c.variants[0].kernel = 4; }},
      {"TEMPLATE_RANGE", "activation",
       [](auto& c) { c.variants[0].activation = "tanh"; }},
      {"TEMPLATE_SHAPE", "can be \"cell\"",
       [](auto& c) { c.stages[0].blocks.pop_back(); }},
      {"TEMPLATE_SHAPE", "can be \"wide\"",
       [](auto& c) { c.cells[0].edges[0].operation = "conv"; }},
      // The variant sets the kernel, so the dimension decides nothing.
      {"DIMENSION_UNUSED", "\"width\"",
       [](auto& c) { c.stages[0].blocks[0].width = int64_t{8}; }},
  };
  ChainTemplate good =
      Blocks({MakeBlock("conv", 3, 8), MakeBlock("cell", 3, 8)});
  good.stages[0].blocks[0].width = Ref("width");
  good.variants = {{.name = "wide", .operation = "conv", .kernel = 5}};
  good.cells = {{.name = "cell",
                 .nodes = 3,
                 .edges = {{.from = 0, .to = 1, .operation = "wide"},
                           {.from = 1, .to = 2, .operation = "conv"}}}};
  const std::vector<Dimension> dimensions = {
      {"width", {int64_t{8}, int64_t{16}}}};
  ASSERT_TRUE(SearchSpace::Create(dimensions, good).ok())
      << SearchSpace::Create(dimensions, good).status();
  for (const Bad& bad : cases) {
    ChainTemplate chain = good;
    bad.spoil(chain);
    const auto space = SearchSpace::Create(dimensions, chain);
    EXPECT_EQ(GetReason(space.status()), bad.reason)
        << bad.says << space.status();
    EXPECT_THAT(std::string(space.status().message()), HasSubstr(bad.says));
  }
}

}  // namespace
}  // namespace archpool
