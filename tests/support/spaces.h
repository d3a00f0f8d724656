// SPDX-License-Identifier: Apache-2.0
// Search spaces for tests.
#ifndef ARCHPOOL_TESTS_SUPPORT_SPACES_H_
#define ARCHPOOL_TESTS_SUPPORT_SPACES_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/nas/layer_plan.h"
#include "common/nas/search_space.h"
#include "gtest/gtest.h"

namespace archpool::testing {

// One 28×28 image in grey, as in Fashion-MNIST.
inline constexpr TensorShape kFashion{.channels = 1, .height = 28, .width = 28};

inline DimensionRef Ref(const std::string& name) { return DimensionRef{name}; }

// Create, for spaces that are known to be good.
inline SearchSpace MakeSpace(std::vector<Dimension> dimensions,
                             ChainTemplate chain) {
  absl::StatusOr<SearchSpace> space =
      SearchSpace::Create(std::move(dimensions), std::move(chain));
  EXPECT_TRUE(space.ok()) << space.status();
  return *std::move(space);
}

inline BlockTemplate MakeBlock(const std::string& operation, int64_t kernel,
                               int64_t width, int64_t expansion = 1,
                               int64_t repeat = 1) {
  BlockTemplate block;
  block.operation = operation;
  block.kernel = kernel;
  block.width = width;
  block.expansion = expansion;
  block.repeat = repeat;
  return block;
}

// The cells of NAS-Bench-201 (Dong and Yang, ICLR 2020): `cells` of them in
// each of three stages of `width`, 2 × `width` and 4 × `width` channels.
inline SearchSpace NasBench201Space(int64_t width, int64_t cells) {
  std::vector<Dimension> dimensions;
  CellTemplate cell{.name = "cell", .nodes = 4};
  for (const auto& [from, to] : std::vector<std::pair<int64_t, int64_t>>{
           {0, 1}, {0, 2}, {1, 2}, {0, 3}, {1, 3}, {2, 3}}) {
    Dimension& edge = dimensions.emplace_back();
    edge.name = absl::StrCat("edge", from, "-", to);
    for (const char* word :
         {"none", "skip", "conv1x1", "conv3x3", "avg_pool3x3"}) {
      edge.choices.emplace_back(std::string(word));
    }
    cell.edges.push_back({.from = from, .to = to, .operation = Ref(edge.name)});
  }
  ChainTemplate chain;
  chain.stem_width = width;
  chain.variants = {
      {.name = "conv1x1", .operation = "preact_conv", .kernel = 1},
      {.name = "conv3x3", .operation = "preact_conv", .kernel = 3},
      {.name = "avg_pool3x3", .operation = "avg_pool", .kernel = 3}};
  chain.cells = {std::move(cell)};
  const BlockTemplate cell_block = MakeBlock("cell", 3, width, 1, cells);
  chain.stages = {
      {.stride = 1, .blocks = {cell_block}},
      {.stride = 2,
       .blocks = {MakeBlock("residual", 3, 2 * width), cell_block}},
      {.stride = 2,
       .blocks = {MakeBlock("residual", 3, 4 * width), cell_block}}};
  return MakeSpace(std::move(dimensions), std::move(chain));
}

// A space with sizes[d] choices in dimension "d<d>", each the width of one
// convolution (at most 64 dimensions), so that all its networks differ.
inline SearchSpace SpaceOfSizes(const std::vector<int64_t>& sizes) {
  std::vector<Dimension> dimensions;
  ChainTemplate chain;
  chain.stages.resize(1);
  for (const int64_t size : sizes) {
    Dimension dimension;
    dimension.name = absl::StrCat("d", dimensions.size());
    for (int64_t c = 0; c < size; ++c)
      dimension.choices.emplace_back(8 * (c + 1));
    BlockTemplate block;
    block.width = Ref(dimension.name);
    chain.stages[0].blocks.push_back(block);
    dimensions.push_back(std::move(dimension));
  }
  return MakeSpace(std::move(dimensions), std::move(chain));
}

// Every list of 1 to 3 sizes in [1, 3].
inline std::vector<std::vector<int64_t>> SmallSizes() {
  std::vector<std::vector<int64_t>> all;
  std::vector<std::vector<int64_t>> last = {{}};
  for (int dimensions = 1; dimensions <= 3; ++dimensions) {
    std::vector<std::vector<int64_t>> next;
    for (const std::vector<int64_t>& shorter : last) {
      for (int64_t size = 1; size <= 3; ++size) {
        next.push_back(shorter);
        next.back().push_back(size);
      }
    }
    all.insert(all.end(), next.begin(), next.end());
    last = std::move(next);
  }
  return all;
}

// A space whose one block may take any operation, with every field a dimension:
// 192 architectures, of which some are the same network.
inline SearchSpace EveryOperation(int64_t stride) {
  ChainTemplate chain;
  BlockTemplate block;
  block.operation = Ref("operation");
  block.kernel = Ref("kernel");
  block.width = Ref("width");
  block.expansion = Ref("expansion");
  block.repeat = Ref("repeat");
  block.activation = Ref("activation");
  chain.stages = {{.stride = stride, .blocks = {block}}};
  using std::string;
  return MakeSpace({{"operation",
                     {string("conv"), string("separable"), string("bottleneck"),
                      string("max_pool"), string("avg_pool"), string("skip")}},
                    {"kernel", {int64_t{1}, int64_t{3}}},
                    {"width", {int64_t{16}, int64_t{24}}},
                    {"expansion", {int64_t{1}, int64_t{2}}},
                    {"repeat", {int64_t{1}, int64_t{2}}},
                    {"activation", {string("relu"), string("silu")}}},
                   chain);
}

}  // namespace archpool::testing

#endif  // ARCHPOOL_TESTS_SUPPORT_SPACES_H_
