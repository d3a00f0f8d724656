// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/box_tree.h"

#include <algorithm>

#include "common/base/check.h"

namespace archpool {

BoxTree::BoxTree(absl::Span<const Subspace> partition) {
  first_ranks_.reserve(partition.size());
  int64_t first_rank = 0;
  for (const Subspace& box : partition) {
    first_ranks_.push_back(first_rank);
    first_rank += box.size();
  }
  nodes_.resize(partition.size());
}

void BoxTree::AddRoot(SubspaceId box) {
  ARCHPOOL_CHECK(roots_added_ < static_cast<int64_t>(first_ranks_.size()));
  nodes_[static_cast<size_t>(roots_added_)].box = box;
  leaves_[box] = static_cast<int32_t>(roots_added_);
  ++roots_added_;
}

void BoxTree::Split(SubspaceId parent, SubspaceId child, int64_t dimension,
                    uint64_t choices) {
  const auto found = leaves_.find(parent);
  ARCHPOOL_CHECK(found != leaves_.end());
  const int32_t inner = found->second;
  const auto stay = static_cast<int32_t>(nodes_.size());
  const int32_t go = stay + 1;
  nodes_.push_back(Node{.box = parent});
  nodes_.push_back(Node{.box = child});
  nodes_[static_cast<size_t>(inner)] =
      Node{.dimension = static_cast<int32_t>(dimension),
           .stay = stay,
           .go = go,
           .choices = choices};
  found->second = stay;
  leaves_[child] = go;
}

SubspaceId BoxTree::Find(const SearchSpace& space,
                         const Architecture& architecture) const {
  const auto after = std::upper_bound(first_ranks_.begin(), first_ranks_.end(),
                                      space.RankOf(architecture));
  ARCHPOOL_CHECK(after != first_ranks_.begin());
  auto index = static_cast<size_t>(after - first_ranks_.begin() - 1);
  while (nodes_[index].dimension >= 0) {
    const Node& node = nodes_[index];
    const uint8_t choice =
        architecture.choices[static_cast<size_t>(node.dimension)];
    index = static_cast<size_t>((node.choices >> choice & 1) != 0 ? node.go
                                                                  : node.stay);
  }
  return nodes_[index].box;
}

}  // namespace archpool
