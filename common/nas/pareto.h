// SPDX-License-Identifier: Apache-2.0
// The Pareto front of accuracy against cost, and what each of its points adds.
// Integers alone: finders' bonuses are paid by it.
#ifndef ARCHPOOL_COMMON_NAS_PARETO_H_
#define ARCHPOOL_COMMON_NAS_PARETO_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace archpool {

struct ParetoPoint {
  int64_t accuracy_ppm = 0;  // higher is better
  int64_t macs = 0;          // lower is better
  friend bool operator==(const ParetoPoint&, const ParetoPoint&) = default;
};

// The indices of the points that no other point beats, sorted by macs. A point
// is beaten by one that is as good in both and better in one; of equal points
// only the one with the lowest index stays. So accuracies rise strictly along
// with macs.
std::vector<size_t> ParetoFront(absl::Span<const ParetoPoint> points);

// For each point of `front`, in its order: the area (accuracy_ppm × macs) that
// it beats, up to `reference`, and no other point of the front does.
// `reference` has the lowest accuracy and the highest macs that count; a point
// not better in both adds 0. An area beyond 64 bits is INT64_MAX: not reached
// by accuracies up to 10^6 and plans up to kPlanMacsMax, nor by their sum.
// REQUIRES: front = ParetoFront(points).
std::vector<int64_t> ExclusiveHypervolumes(absl::Span<const ParetoPoint> points,
                                           absl::Span<const size_t> front,
                                           const ParetoPoint& reference);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_PARETO_H_
