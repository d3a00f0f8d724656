// SPDX-License-Identifier: Apache-2.0
#include "common/nas/canonical_form.h"

#include <set>

#include "common/nas/sampling.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

std::vector<Dimension> Dimensions(const std::string& prefix, int count,
                                  const std::vector<std::string>& words) {
  std::vector<Dimension> dimensions;
  for (int i = 0; i < count; ++i) {
    Dimension& dimension = dimensions.emplace_back();
    dimension.name = prefix + std::to_string(i);
    for (const std::string& word : words) dimension.choices.emplace_back(word);
  }
  return dimensions;
}

// Distinct ids, and how many spellings are no architecture at all.
std::pair<size_t, int64_t> Count(const SearchSpace& space) {
  std::set<Digest> ids;
  int64_t impossible = 0;
  for (int64_t rank = 0; rank < space.size(); ++rank) {
    const auto candidate = MakeCandidate(space, space.ArchitectureAt(rank), {});
    if (candidate.ok()) {
      ids.insert(candidate->id);
    } else {
      ++impossible;
    }
  }
  return {ids.size(), impossible};
}

// The table of NAS-Bench-Macro has 3,969 distinct networks.
TEST(CanonicalFormTest, AnIdentityMovesAmongBlocksOfEqualShape) {
  const auto space = SearchSpace::CreatePlain(
      Dimensions("block", 8, {"identity", "k3e3", "k5e6"}),
      MovableChoice{.runs = {{3, 4}, {6, 7}}, .choice = {{0, 0}, {0, 0}}});
  ASSERT_TRUE(space.ok());
  EXPECT_EQ(Count(*space), std::pair(size_t{3969}, int64_t{0}));
}

SearchSpace Cells() {
  return *SearchSpace::CreatePlain(
      Dimensions("edge", 6, {"none", "skip", "conv1x1", "conv3x3", "pool"}),
      CellForm{.nodes = 4,
               .edges = {{0, 1}, {0, 2}, {1, 2}, {0, 3}, {1, 3}, {2, 3}},
               .none = {0, 0, 0, 0, 0, 0},
               .skip = {1, 1, 1, 1, 1, 1}});
}

// Drop `none`, splice `skip`, sort each sum: 15,625 spellings are 5,425 cells
// (as many as trying every renaming of every operation finds),
// of which one is the cell through which nothing flows.
TEST(CanonicalFormTest, CellsOfNasBench201) {
  const auto [distinct, dead] = Count(Cells());
  EXPECT_EQ(distinct + 1, 5425u);
  EXPECT_GT(dead, 0);
}

TEST(CanonicalFormTest, RelabelledNodesAreOneCell) {
  const SearchSpace space = Cells();
  const auto id = [&](std::vector<uint8_t> choices) {
    return MakeCandidate(space, {std::move(choices)}, {})->id;
  };
  // conv3x3 through node 1, pool through node 2, and the other way round.
  EXPECT_EQ(id({3, 4, 0, 0, 1, 1}), id({4, 3, 0, 0, 1, 1}));
  // An edge from a dead node is dead, whatever it is.
  EXPECT_EQ(id({0, 0, 0, 3, 2, 4}), id({0, 0, 0, 3, 0, 0}));
  EXPECT_NE(id({0, 0, 0, 3, 0, 0}), id({0, 0, 0, 2, 0, 0}));
}

}  // namespace
}  // namespace archpool
