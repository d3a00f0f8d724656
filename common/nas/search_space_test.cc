// SPDX-License-Identifier: Apache-2.0
#include "common/nas/search_space.h"

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/counter_rng.h"
#include "common/base/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/spaces.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

using archpool::testing::EveryOperation;
using archpool::testing::MakeBlock;
using archpool::testing::MakeSpace;
using archpool::testing::Ref;
using archpool::testing::SmallSizes;
using archpool::testing::SpaceOfSizes;

// Every rank gives a valid architecture and comes back; ranks order
// architectures as their choices do, the first dimension most significant.
TEST(SearchSpaceTest, RanksAreABijectionOnAllSmallSpaces) {
  for (const std::vector<int64_t>& sizes : SmallSizes()) {
    const SearchSpace space = SpaceOfSizes(sizes);
    int64_t size = 1;
    for (const int64_t choices : sizes) size *= choices;
    ASSERT_EQ(space.size(), size);
    Architecture last;
    for (int64_t rank = 0; rank < size; ++rank) {
      const Architecture architecture = space.ArchitectureAt(rank);
      ASSERT_TRUE(space.IsValid(architecture));
      ASSERT_EQ(space.RankOf(architecture), rank);
      if (rank > 0) {
        ASSERT_LT(last, architecture);
      }
      last = architecture;
    }
  }
}

// 7^22 is the largest power of 7 below 2^63; 2^62 and 3^39 are close to it.
TEST(SearchSpaceTest, RanksAreABijectionNearTheLargestSpace) {
  CounterRng rng(1, 2);
  for (const auto& [choices, dimensions] :
       {std::pair<int64_t, size_t>{7, 22}, std::pair<int64_t, size_t>{2, 62},
        std::pair<int64_t, size_t>{3, 39}}) {
    const SearchSpace space =
        SpaceOfSizes(std::vector<int64_t>(dimensions, choices));
    EXPECT_GT(space.size(), INT64_MAX / choices);
    std::vector<int64_t> ranks = {0, 1, space.size() - 2, space.size() - 1};
    for (int i = 0; i < 1000; ++i) {
      ranks.push_back(static_cast<int64_t>(
          rng.Below64(static_cast<uint64_t>(space.size()))));
    }
    for (const int64_t rank : ranks) {
      ASSERT_EQ(space.RankOf(space.ArchitectureAt(rank)), rank);
    }
    for (const uint8_t choice :
         space.ArchitectureAt(space.size() - 1).choices) {
      EXPECT_EQ(choice, choices - 1);
    }
  }
}

TEST(SearchSpaceTest, ValidityNeedsOneIndexPerDimension) {
  const SearchSpace space = SpaceOfSizes({2, 3});
  EXPECT_TRUE(space.IsValid({{1, 2}}));
  EXPECT_FALSE(space.IsValid({{2, 0}}));
  EXPECT_FALSE(space.IsValid({{0, 3}}));
  EXPECT_FALSE(space.IsValid({{0}}));
  EXPECT_FALSE(space.IsValid({{0, 0, 0}}));
  EXPECT_FALSE(SearchSpace().IsValid({}));
}

TEST(SearchSpaceTest, DescribesByNameAndValue) {
  const SearchSpace space = EveryOperation(1);
  const Architecture architecture{{1, 0, 1, 0, 1, 0}};
  EXPECT_EQ(space.Describe(architecture),
            "operation=separable kernel=1 width=24 expansion=1 repeat=2 "
            "activation=relu");
  EXPECT_EQ(space.ValueOf(architecture, 2), ChoiceValue(int64_t{24}));
  EXPECT_EQ(space.ValueOf(architecture, 0),
            ChoiceValue(std::string("separable")));
}

// A good space that each test below spoils in one way.
struct Parts {
  std::vector<Dimension> dimensions = {
      {"operation", {std::string("conv"), std::string("skip")}},
      {"width", {int64_t{16}, int64_t{32}}}};
  ChainTemplate chain;

  Parts() {
    BlockTemplate block;
    block.operation = Ref("operation");
    block.width = Ref("width");
    chain.stages = {{.stride = 1, .blocks = {block}}};
  }
  BlockTemplate& block() { return chain.stages[0].blocks[0]; }
};

template <typename Spoil>
absl::Status CreateSpoilt(const Spoil& spoil) {
  Parts parts;
  spoil(parts);
  return SearchSpace::Create(parts.dimensions, parts.chain).status();
}

template <typename Spoil>
void ExpectRefused(const std::string& reason, const std::string& names,
                   const Spoil& spoil) {
  const absl::Status status = CreateSpoilt(spoil);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(GetReason(status), reason);
  EXPECT_THAT(std::string(status.message()), HasSubstr(names));
}

TEST(SearchSpaceCreateTest, AcceptsTheGoodSpace) {
  EXPECT_TRUE(CreateSpoilt([](Parts&) {}).ok());
}

TEST(SearchSpaceCreateTest, RefusesBadDimensions) {
  ExpectRefused("SPACE_EMPTY", "dimension",
                [](Parts& p) { p.dimensions.clear(); });
  ExpectRefused("DIMENSION_EMPTY", "\"width\"",
                [](Parts& p) { p.dimensions[1].choices.clear(); });
  ExpectRefused("DIMENSION_DUPLICATE", "\"width\"",
                [](Parts& p) { p.dimensions.push_back(p.dimensions[1]); });
  ExpectRefused("CHOICE_DUPLICATE", "\"16\"", [](Parts& p) {
    p.dimensions[1].choices.emplace_back(int64_t{16});
  });
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a=b"),
        std::string("a\n"), std::string("é"), std::string(65, 'a')}) {
    ExpectRefused("DIMENSION_NAME", "dimension 1",
                  [&](Parts& p) { p.dimensions[1].name = name; });
  }
}

TEST(SearchSpaceCreateTest, RefusesSpacesThatAreTooLarge) {
  ExpectRefused("SPACE_TOO_LARGE", "65 choices", [](Parts& p) {
    for (int64_t i = 0; i < 63; ++i) {
      p.dimensions[1].choices.emplace_back(100 + i);
    }
  });
  ExpectRefused("SPACE_TOO_LARGE", "129 dimensions", [](Parts& p) {
    while (p.dimensions.size() < 129) {
      p.dimensions.push_back(
          {absl::StrCat("x", p.dimensions.size()), {int64_t{1}}});
    }
  });
  // 2^63 is one more than fits.
  ExpectRefused("SPACE_TOO_LARGE", "9223372036854775807", [](Parts& p) {
    while (p.dimensions.size() < 63) {
      p.dimensions.push_back(
          {absl::StrCat("x", p.dimensions.size()), {int64_t{1}, int64_t{2}}});
    }
  });
}

TEST(SearchSpaceCreateTest, RefusesReferencesThatDoNotFit) {
  ExpectRefused("TEMPLATE_REFERENCE", "\"depth\"",
                [](Parts& p) { p.block().repeat = Ref("depth"); });
  ExpectRefused("TEMPLATE_REFERENCE", "stages[0].blocks[0].kernel",
                [](Parts& p) { p.block().kernel = Ref("width"); });
  ExpectRefused("TEMPLATE_REFERENCE", "stem_width",
                [](Parts& p) { p.chain.stem_width = Ref("operation"); });
  ExpectRefused("TEMPLATE_REFERENCE", "activation",
                [](Parts& p) { p.block().activation = Ref("operation"); });
  ExpectRefused("TEMPLATE_REFERENCE", "\"conv9\"", [](Parts& p) {
    p.dimensions[0].choices.emplace_back(std::string("conv9"));
  });
  ExpectRefused("TEMPLATE_REFERENCE", "\"4097\"", [](Parts& p) {
    p.dimensions[1].choices.emplace_back(int64_t{4097});
  });
  // A word among numbers.
  ExpectRefused("TEMPLATE_REFERENCE", "\"wide\"", [](Parts& p) {
    p.dimensions[1].choices.emplace_back(std::string("wide"));
  });
}

TEST(SearchSpaceCreateTest, RefusesConstantsOutOfRange) {
  const std::string block = "stages[0].blocks[0].";
  for (const int64_t kernel : {-1, 0, 2, 12, 13}) {
    ExpectRefused("TEMPLATE_RANGE", block + "kernel",
                  [&](Parts& p) { p.block().kernel = kernel; });
    ExpectRefused("TEMPLATE_RANGE", "stem_kernel",
                  [&](Parts& p) { p.chain.stem_kernel = kernel; });
  }
  for (const int64_t stride : {0, 3, -1}) {
    ExpectRefused("TEMPLATE_RANGE", "stages[0].stride",
                  [&](Parts& p) { p.chain.stages[0].stride = stride; });
    ExpectRefused("TEMPLATE_RANGE", "stem_stride",
                  [&](Parts& p) { p.chain.stem_stride = stride; });
  }
  for (const int64_t width : {0, 4097}) {
    ExpectRefused("TEMPLATE_RANGE", "stem_width",
                  [&](Parts& p) { p.chain.stem_width = width; });
  }
  for (const int64_t width : {-1, 4097}) {
    ExpectRefused("TEMPLATE_RANGE", "head_width",
                  [&](Parts& p) { p.chain.head_width = width; });
  }
  for (const int64_t expansion : {0, 17}) {
    ExpectRefused("TEMPLATE_RANGE", block + "expansion",
                  [&](Parts& p) { p.block().expansion = expansion; });
  }
  for (const int64_t repeat : {-1, 17}) {
    ExpectRefused("TEMPLATE_RANGE", block + "repeat",
                  [&](Parts& p) { p.block().repeat = repeat; });
  }
  ExpectRefused("TEMPLATE_RANGE", block + "activation",
                [](Parts& p) { p.block().activation = std::string("tanh"); });
  ExpectRefused("TEMPLATE_RANGE", "stem_activation",
                [](Parts& p) { p.chain.stem_activation = std::string(""); });
}

// A first block left out at stride 2 would take the stride with it.
TEST(SearchSpaceCreateTest, RepeatZeroNeedsStrideOneOrALaterBlock) {
  const auto with_zero = [](int64_t stride, size_t block) {
    return [=](Parts& p) {
      p.dimensions.push_back({"repeat", {int64_t{0}, int64_t{1}}});
      p.chain.stages[0].stride = stride;
      p.chain.stages[0].blocks.resize(2, p.block());
      p.chain.stages[0].blocks[block].repeat = Ref("repeat");
    };
  };
  EXPECT_TRUE(CreateSpoilt(with_zero(1, 0)).ok());
  EXPECT_TRUE(CreateSpoilt(with_zero(2, 1)).ok());
  ExpectRefused("TEMPLATE_REFERENCE", "stages[0].blocks[0].repeat",
                with_zero(2, 0));
}

TEST(SearchSpaceCreateTest, RefusesShapesOutOfBounds) {
  ExpectRefused("TEMPLATE_SHAPE", "0 stages",
                [](Parts& p) { p.chain.stages.clear(); });
  ExpectRefused("TEMPLATE_SHAPE", "17 stages",
                [](Parts& p) { p.chain.stages.resize(17, p.chain.stages[0]); });
  ExpectRefused("TEMPLATE_SHAPE", "stages[1]",
                [](Parts& p) { p.chain.stages.resize(2); });
  ExpectRefused("TEMPLATE_SHAPE", "65 blocks", [](Parts& p) {
    p.chain.stages[0].blocks.resize(65, p.block());
  });
}

// A dimension that no network depends on multiplies the space by copies.
TEST(SearchSpaceCreateTest, RefusesDimensionsThatNothingReads) {
  ExpectRefused("DIMENSION_UNUSED", "\"extra\"", [](Parts& p) {
    p.dimensions.push_back({"extra", {int64_t{1}, int64_t{2}}});
  });
  // Referred to, but read by no operation that the block can take.
  ExpectRefused("DIMENSION_UNUSED", "\"extra\"", [](Parts& p) {
    p.dimensions.push_back({"extra", {int64_t{1}, int64_t{2}}});
    p.block().expansion = Ref("extra");
  });
  ExpectRefused("DIMENSION_UNUSED", "\"width\"", [](Parts& p) {
    p.dimensions[0].choices = {std::string("max_pool"), std::string("skip")};
  });
  ExpectRefused("DIMENSION_UNUSED", "\"head\"", [](Parts& p) {
    p.dimensions.push_back({"head", {std::string("relu")}});
    p.chain.head_activation = Ref("head");
  });
  EXPECT_TRUE(CreateSpoilt([](Parts& p) {
                p.dimensions.push_back({"head", {std::string("relu")}});
                p.chain.head_activation = Ref("head");
                p.chain.head_width = int64_t{64};
              }).ok());
}

}  // namespace
}  // namespace archpool
