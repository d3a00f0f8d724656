// SPDX-License-Identifier: Apache-2.0
#include "common/nas/subspace.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "gtest/gtest.h"
#include "tests/support/spaces.h"

namespace archpool {
namespace {

using archpool::testing::EveryOperation;
using archpool::testing::SmallSizes;
using archpool::testing::SpaceOfSizes;

// Every architecture lies in exactly one box, and the sizes add up.
void ExpectPartition(const SearchSpace& space,
                     const std::vector<Subspace>& boxes) {
  int64_t total = 0;
  for (const Subspace& box : boxes) total += box.size();
  EXPECT_EQ(total, space.size());
  for (int64_t rank = 0; rank < space.size(); ++rank) {
    int holders = 0;
    for (const Subspace& box : boxes) {
      holders += box.Contains(space.ArchitectureAt(rank)) ? 1 : 0;
    }
    ASSERT_EQ(holders, 1) << "rank " << rank;
  }
}

// Every box that a space of these sizes can have.
std::vector<std::vector<uint64_t>> AllBoxes(const std::vector<int64_t>& sizes) {
  std::vector<std::vector<uint64_t>> all = {{}};
  for (const int64_t size : sizes) {
    std::vector<std::vector<uint64_t>> longer;
    for (const std::vector<uint64_t>& box : all) {
      for (uint64_t bits = 1; bits < uint64_t{1} << size; ++bits) {
        longer.push_back(box);
        longer.back().push_back(bits);
      }
    }
    all = std::move(longer);
  }
  return all;
}

// Every box of every small space: it lists exactly what it contains, in rank
// order, and each split of it is a partition of it.
TEST(SubspaceTest, BoxesListWhatTheyContainAndSplitExactly) {
  for (const std::vector<int64_t>& sizes : SmallSizes()) {
    const SearchSpace space = SpaceOfSizes(sizes);
    for (const std::vector<uint64_t>& allowed : AllBoxes(sizes)) {
      const Subspace box = *Subspace::Create(space, allowed);
      std::vector<Architecture> members;
      for (int64_t rank = 0; rank < space.size(); ++rank) {
        const Architecture architecture = space.ArchitectureAt(rank);
        if (box.Contains(architecture)) members.push_back(architecture);
      }
      ASSERT_EQ(box.size(), static_cast<int64_t>(members.size()));
      for (int64_t i = 0; i < box.size(); ++i) {
        ASSERT_EQ(box.ArchitectureAt(i), members[static_cast<size_t>(i)]);
      }
      for (size_t d = 0; d < sizes.size(); ++d) {
        const std::vector<Subspace> parts = box.SplitOn(static_cast<int>(d));
        int64_t total = 0;
        for (const Subspace& part : parts) total += part.size();
        ASSERT_EQ(total, box.size());
        for (const Architecture& member : members) {
          int holders = 0;
          for (const Subspace& part : parts) holders += part.Contains(member);
          ASSERT_EQ(holders, 1);
        }
      }
    }
  }
}

// All orders of splitting a small space down to single architectures.
void SplitInEveryOrder(const SearchSpace& space,
                       const std::vector<Subspace>& boxes,
                       std::vector<bool> split) {
  ExpectPartition(space, boxes);
  for (size_t d = 0; d < split.size(); ++d) {
    if (split[d]) continue;
    std::vector<Subspace> parts;
    for (const Subspace& box : boxes) {
      for (Subspace& part : box.SplitOn(static_cast<int>(d))) {
        parts.push_back(std::move(part));
      }
    }
    std::vector<bool> next = split;
    next[d] = true;
    SplitInEveryOrder(space, parts, next);
  }
}

TEST(SubspaceTest, EverySplitOrderIsAPartition) {
  for (const std::vector<int64_t>& sizes : SmallSizes()) {
    const SearchSpace space = SpaceOfSizes(sizes);
    SplitInEveryOrder(space, {Subspace::Whole(space)},
                      std::vector<bool>(sizes.size(), false));
  }
}

TEST(SubspaceTest, SixtyFourChoicesFillTheWord) {
  const SearchSpace space = SpaceOfSizes({64, 2});
  const Subspace whole = Subspace::Whole(space);
  EXPECT_EQ(whole.allowed()[0], ~uint64_t{0});
  EXPECT_EQ(whole.size(), 128);
  EXPECT_TRUE(whole.Contains({{63, 1}}));
  EXPECT_FALSE(whole.Contains({{64, 1}}));
  EXPECT_EQ(whole.ArchitectureAt(127), (Architecture{{63, 1}}));
  ExpectPartition(space, whole.SplitOn(0));
}

TEST(SubspaceTest, RefusesMalformedBoxes) {
  const SearchSpace space = SpaceOfSizes({2, 3});
  EXPECT_TRUE(Subspace::Create(space, {3, 7}).ok());
  for (const std::vector<uint64_t>& allowed :
       std::vector<std::vector<uint64_t>>{
           {}, {3}, {3, 7, 1}, {0, 7}, {3, 0}, {4, 7}, {3, 8}}) {
    const absl::Status status = Subspace::Create(space, allowed).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(GetReason(status), "SUBSPACE_MALFORMED");
  }
}

TEST(SubspaceTest, DescribesWhatIsRestricted) {
  const SearchSpace space = EveryOperation(1);
  const Subspace whole = Subspace::Whole(space);
  EXPECT_EQ(whole.Describe(space), "the whole space");
  std::vector<uint64_t> allowed = whole.allowed();
  allowed[0] = 0b100001;
  allowed[2] = 0b10;
  EXPECT_EQ(Subspace::Create(space, allowed)->Describe(space),
            "operation∈{conv,skip} width∈{24}");
}

TEST(SubspaceTest, TheDefaultIsEmpty) {
  EXPECT_EQ(Subspace().size(), 0);
  EXPECT_FALSE(Subspace().Contains({}));
}

// Every small space with every pair of bounds: a partition into intervals of
// ranks, in order, as many boxes as asked for where that is possible.
TEST(PartitionTest, HoldsOnAllSmallSpacesAndBounds) {
  for (const std::vector<int64_t>& sizes : SmallSizes()) {
    const SearchSpace space = SpaceOfSizes(sizes);
    for (int64_t boxes_max = 1; boxes_max <= space.size() + 2; ++boxes_max) {
      for (int64_t boxes_min = 1; boxes_min <= boxes_max; ++boxes_min) {
        const std::vector<Subspace> boxes =
            Partition(space, boxes_min, boxes_max);
        const auto count = static_cast<int64_t>(boxes.size());
        ASSERT_LE(count, boxes_max);
        // A split adds at most two boxes here, so it is only ever refused
        // within two of the bound.
        ASSERT_GE(count, std::min({boxes_min, space.size(), boxes_max - 1}));
        ExpectPartition(space, boxes);
        int64_t rank = 0;
        for (const Subspace& box : boxes) {
          for (int64_t i = 0; i < box.size(); ++i) {
            ASSERT_EQ(space.RankOf(box.ArchitectureAt(i)), rank++);
          }
        }
      }
    }
  }
}

TEST(PartitionTest, SplitsLeadingDimensionsAndTheLargestBoxesFirst) {
  const SearchSpace space = SpaceOfSizes({3, 4, 5});
  EXPECT_EQ(Partition(space, 1, 100).size(), 1u);
  EXPECT_EQ(Partition(space, 2, 100).size(), 3u);
  // 3 boxes, of which one falls into 4.
  const std::vector<Subspace> boxes = Partition(space, 4, 100);
  ASSERT_EQ(boxes.size(), 6u);
  EXPECT_EQ(boxes[0].size(), 5);
  EXPECT_EQ(boxes[5].size(), 20);
  EXPECT_EQ(Partition(space, 12, 100).size(), 12u);
  EXPECT_EQ(Partition(space, 1000, 1000).size(), 60u);
  // The first split would make 3.
  EXPECT_EQ(Partition(space, 2, 2).size(), 1u);
}

TEST(PartitionTest, AHugeSpaceIsSplitNoFurtherThanAsked) {
  const SearchSpace space = SpaceOfSizes(std::vector<int64_t>(62, 2));
  const std::vector<Subspace> boxes = Partition(space, 4096, 4096);
  ASSERT_EQ(boxes.size(), 4096u);
  int64_t total = 0;
  for (const Subspace& box : boxes) total += box.size();
  EXPECT_EQ(total, space.size());
}

}  // namespace
}  // namespace archpool
