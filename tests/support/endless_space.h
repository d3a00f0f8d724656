// SPDX-License-Identifier: Apache-2.0
// A task whose space nobody can go through, and hardly any network of which can
// be built: ten widths of 64 choices, of which only the first of each fits the
// limits.
#ifndef ARCHPOOL_TESTS_SUPPORT_ENDLESS_SPACE_H_
#define ARCHPOOL_TESTS_SUPPORT_ENDLESS_SPACE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/pool_fixture.h"

namespace archpool {

inline TaskSpec EndlessSpec() {
  std::vector<Dimension> widths;
  ChainTemplate chain;
  chain.stem_width = int64_t{4};
  StageTemplate stage{.stride = 1, .blocks = {}};
  for (int i = 0; i < 10; ++i) {
    Dimension& width = widths.emplace_back();
    width.name = absl::StrCat("w", i);
    width.choices.emplace_back(int64_t{1});
    for (int64_t j = 0; j < 63; ++j) width.choices.emplace_back(1'000 + j);
    stage.blocks.push_back(BlockTemplate{.operation = std::string("conv"),
                                         .kernel = int64_t{3},
                                         .width = DimensionRef{width.name}});
  }
  chain.stages = {std::move(stage)};
  TaskSpec spec = TinySpec(4);
  auto space = SearchSpace::Create(std::move(widths), std::move(chain));
  ARCHPOOL_CHECK(space.ok());
  spec.space = *std::move(space);
  spec.limits.parameters_max = 3'000;
  return spec;
}

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_ENDLESS_SPACE_H_
