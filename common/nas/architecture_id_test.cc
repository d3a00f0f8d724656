// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/nas/layer_plan.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/spaces.h"

namespace archpool {
namespace {

using ::testing::ElementsAre;

using archpool::testing::EveryOperation;
using archpool::testing::kFashion;
using archpool::testing::MakeBlock;
using archpool::testing::MakeSpace;
using archpool::testing::Ref;

// All 192 spellings. How many differ, counted by hand for stride 1:
//   conv, separable: kernel × width × repeat × activation = 16 each;
//   bottleneck: 32; pools: kernel 3 alone, × repeat = 2 each; the 1×1 pools and
//   skip are one network, the identity.
// At stride 2: pools of kernel 3: 2 each, and of kernel 1 one network (the
// second copy is the identity, and the two kinds agree); skip is one.
TEST(ArchitectureIdTest, SpellingsOfOneNetworkShareOneId) {
  for (const auto& [stride, expected] :
       {std::pair<int64_t, size_t>{1, 16 + 16 + 32 + 2 + 2 + 1},
        std::pair<int64_t, size_t>{2, 16 + 16 + 32 + 2 + 2 + 1 + 1}}) {
    const SearchSpace space = EveryOperation(stride);
    std::set<Digest> ids;
    std::set<std::string> plans;
    for (int64_t rank = 0; rank < space.size(); ++rank) {
      const auto plan =
          MakeLayerPlan(space, space.ArchitectureAt(rank), kFashion, 10, {});
      ASSERT_TRUE(plan.ok()) << plan.status();
      ids.insert(ArchitectureIdOf(*plan));
      plans.insert(DescribePlan(*plan));
    }
    EXPECT_EQ(ids.size(), expected);
    EXPECT_EQ(plans.size(), expected);
  }
}

TEST(ArchitectureIdTest, RepeatZeroIsTheBlockLeftOut) {
  ChainTemplate chain;
  BlockTemplate block = MakeBlock("conv", 3, 16);
  block.repeat = Ref("repeat");
  chain.stages = {{.stride = 1, .blocks = {block}}};
  const SearchSpace space =
      MakeSpace({{"repeat", {int64_t{0}, int64_t{1}, int64_t{2}}}}, chain);
  std::vector<size_t> layers;
  for (int64_t rank = 0; rank < 3; ++rank) {
    layers.push_back(
        MakeLayerPlan(space, space.ArchitectureAt(rank), kFashion, 10, {})
            ->layers.size());
  }
  EXPECT_THAT(layers, ElementsAre(5, 8, 11));
}

// Every field of the encoding matters; the derived numbers do not.
TEST(ArchitectureIdTest, DependsOnTheNetworkAlone) {
  const SearchSpace space = EveryOperation(1);
  // conv 3×3, batch norm and relu, twice over after the stem.
  const LayerPlan plan =
      *MakeLayerPlan(space, Architecture{{0, 1, 0, 0, 1, 0}}, kFashion, 10, {});
  const Digest id = ArchitectureIdOf(plan);
  LayerPlan derived = plan;
  derived.parameters = derived.macs = derived.train_ns_per_example = 1;
  derived.layers[0].macs = derived.layers[0].parameters = 1;
  EXPECT_EQ(ArchitectureIdOf(derived), id);
  std::set<Digest> ids = {id};
  const auto change = [&](auto&& mutate) {
    LayerPlan changed = plan;
    mutate(changed, changed.layers[3]);
    EXPECT_TRUE(ids.insert(ArchitectureIdOf(changed)).second);
  };
  change([](LayerPlan& p, Layer&) { p.classes = 11; });
  change([](LayerPlan& p, Layer&) { p.input_shape.channels = 2; });
  change([](LayerPlan& p, Layer&) { p.layers.pop_back(); });
  change([](LayerPlan&, Layer& l) { l.kind = LayerKind::kMaxPool; });
  change([](LayerPlan&, Layer& l) { l.input = 1; });
  for (const int second_input : {0, 1}) {
    change([second_input](LayerPlan&, Layer& l) {
      l.kind = LayerKind::kAdd;
      l.second_input = second_input;
    });
  }
  change([](LayerPlan&, Layer& l) { l.kernel = 5; });
  change([](LayerPlan&, Layer& l) { l.stride = 2; });
  change([](LayerPlan&, Layer& l) { l.groups = 16; });
  change([](LayerPlan& p, Layer&) { p.input_shape.height = 5; });
  change([](LayerPlan&, Layer& l) { l.output_shape.channels = 5; });
}

}  // namespace
}  // namespace archpool
