// SPDX-License-Identifier: Apache-2.0
#include "common/nas/translation.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/support/spaces.h"

namespace archpool {
namespace {

using ::archpool::testing::MakeSpace;
using ::archpool::testing::Ref;

SearchSpace SpaceOf(const std::vector<Dimension>& dimensions) {
  ChainTemplate chain;
  chain.stages.resize(1);
  for (const Dimension& dimension : dimensions) {
    BlockTemplate block;
    block.width = Ref(dimension.name);
    chain.stages[0].blocks.push_back(block);
  }
  return MakeSpace(dimensions, chain);
}

const Dimension kA{"a", {int64_t{8}, int64_t{16}, int64_t{32}}};
const Dimension kB{"b", {int64_t{8}, int64_t{16}}};

TEST(TranslationTest, FindsTheSameChoicesByNameAndValue) {
  const SearchSpace from = SpaceOf({kA, kB});
  const Architecture architecture{{2, 1}};  // a=32 b=16
  EXPECT_EQ(Translate(from, architecture, from), architecture);
  // Reordered, and widened in front.
  const SearchSpace to = SpaceOf({{"b", {int64_t{4}, int64_t{8}, int64_t{16}}},
                                  {"a", {int64_t{32}, int64_t{16}}},
                                  {"c", {int64_t{5}}}});
  EXPECT_EQ(Translate(from, architecture, to), (Architecture{{2, 0, 0}}));
}

TEST(TranslationTest, SaysNothingWhereAChoiceCannotBeTold) {
  const SearchSpace from = SpaceOf({kA, kB});
  const Architecture architecture{{2, 1}};
  // The value is not offered any more.
  EXPECT_EQ(Translate(from, architecture,
                      SpaceOf({{"a", {int64_t{8}, int64_t{16}}}, kB})),
            std::nullopt);
  // A dimension that was not there, with more than one choice.
  EXPECT_EQ(Translate(from, architecture,
                      SpaceOf({kA, kB, {"c", {int64_t{5}, int64_t{6}}}})),
            std::nullopt);
}

}  // namespace
}  // namespace archpool
