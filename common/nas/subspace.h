// SPDX-License-Identifier: Apache-2.0
// A Subspace is a box: the allowed choices per dimension. A partition is a set
// of boxes, pairwise disjoint, whose sizes add up to the space. Value type;
// thread-compatible.
#ifndef ARCHPOOL_COMMON_NAS_SUBSPACE_H_
#define ARCHPOOL_COMMON_NAS_SUBSPACE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/nas/search_space.h"

namespace archpool {

class Subspace {
 public:
  Subspace() = default;
  // The whole space.
  static Subspace Whole(const SearchSpace& space);
  // From allowed[d]: bit c set where choice c of dimension d is allowed.
  // INVALID_ARGUMENT (SUBSPACE_MALFORMED): wrong count, an empty dimension, or
  // a bit beyond its dimension.
  static absl::StatusOr<Subspace> Create(const SearchSpace& space,
                                         std::vector<uint64_t> allowed);

  const std::vector<uint64_t>& allowed() const { return allowed_; }
  int64_t size() const;
  bool Contains(const Architecture& architecture) const;

  // The index-th architecture of the box in rank order.
  // REQUIRES: index in [0, size()).
  Architecture ArchitectureAt(int64_t index) const;

  // One box per allowed choice of `dimension`, in the order of the choices.
  // REQUIRES: dimension in [0, allowed().size()).
  std::vector<Subspace> SplitOn(int dimension) const;

  // "stage1.operation∈{conv,skip} …": only the dimensions that are restricted;
  // "the whole space" where none is. REQUIRES: a box of `space`.
  std::string Describe(const SearchSpace& space) const;

  friend bool operator==(const Subspace&, const Subspace&) = default;

 private:
  explicit Subspace(std::vector<uint64_t> allowed)
      : allowed_(std::move(allowed)) {}
  std::vector<uint64_t> allowed_;
};

// Splits the whole space on its leading dimensions, the largest boxes first,
// until there are at least `boxes_min` boxes, or until every box holds one
// architecture, whichever comes first; never more than `boxes_max` (a split
// that would pass it is not made). Each box is an interval of ranks; they come
// in the order of their ranks.
std::vector<Subspace> Partition(const SearchSpace& space, int64_t boxes_min,
                                int64_t boxes_max);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_SUBSPACE_H_
