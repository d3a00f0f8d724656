// SPDX-License-Identifier: Apache-2.0
// Which box of a task's partition an architecture lies in, in O(log boxes): the
// first partition is one of intervals of ranks, and every later split is a
// binary one. Derived from the boxes' records, in the order of their ids.
// Value type; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_LEAVES_BOX_TREE_H_
#define ARCHPOOL_SERVER_CORE_LEAVES_BOX_TREE_H_

#include <cstdint>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/types/span.h"
#include "common/model/ids.h"
#include "common/nas/subspace.h"

namespace archpool {

class BoxTree {
 public:
  BoxTree() = default;
  // Begins with the first partition, in the order of ranks; AddRoot names its
  // boxes.
  explicit BoxTree(absl::Span<const Subspace> partition);

  // The next box of the first partition.
  void AddRoot(SubspaceId box);
  // `choices` of `dimension` went from `parent` to `child`.
  // REQUIRES: parent is a box of the tree.
  void Split(SubspaceId parent, SubspaceId child, int64_t dimension,
             uint64_t choices);
  // REQUIRES: every root was added; `architecture` is of `space`, the tree's.
  SubspaceId Find(const SearchSpace& space,
                  const Architecture& architecture) const;

 private:
  // A leaf holds a box; an inner node sends `choices` of `dimension` one way.
  struct Node {
    int32_t dimension = -1;  // -1: a leaf
    int32_t stay = 0;
    int32_t go = 0;
    uint64_t choices = 0;
    SubspaceId box;
  };

  std::vector<int64_t> first_ranks_;  // of the roots; node i is root i
  std::vector<Node> nodes_;
  int64_t roots_added_ = 0;
  absl::btree_map<SubspaceId, int32_t> leaves_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_LEAVES_BOX_TREE_H_
