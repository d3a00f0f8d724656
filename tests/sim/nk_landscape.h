// SPDX-License-Identifier: Apache-2.0
// A rugged space for searchers: an NK landscape (Kauffman and Levin, 1987, with
// more than two states a gene). Every dimension contributes a value drawn for
// its own choice and those of the K dimensions after it, in a ring; the fitness
// is the mean of the contributions. K says how rugged it is. Pure; thread-safe.
#ifndef ARCHPOOL_TESTS_SIM_NK_LANDSCAPE_H_
#define ARCHPOOL_TESTS_SIM_NK_LANDSCAPE_H_

#include <cstdint>

#include "common/nas/search_space.h"

namespace archpool::testing {

class NkLandscape {
 public:
  // `dimensions` of `choices` each, with `k` < dimensions neighbours.
  NkLandscape(int dimensions, int choices, int k, uint64_t seed);

  // Plain: nothing can be built from it.
  const SearchSpace& space() const { return space_; }
  // In (0, 1). REQUIRES: of space().
  double FitnessOf(const Architecture& architecture) const;

 private:
  SearchSpace space_;
  int k_ = 0;
  uint64_t seed_ = 0;
};

}  // namespace archpool::testing

#endif  // ARCHPOOL_TESTS_SIM_NK_LANDSCAPE_H_
