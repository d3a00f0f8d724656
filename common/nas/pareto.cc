// SPDX-License-Identifier: Apache-2.0
#include "common/nas/pareto.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "common/base/check.h"

namespace archpool {
namespace {

// max(0, high - low), INT64_MAX where it is more.
int64_t Gap(int64_t low, int64_t high) {
  int64_t gap = 0;
  if (high <= low) return 0;
  return __builtin_sub_overflow(high, low, &gap) ? INT64_MAX : gap;
}

}  // namespace

std::vector<size_t> ParetoFront(absl::Span<const ParetoPoint> points) {
  std::vector<size_t> order(points.size());
  std::iota(order.begin(), order.end(), size_t{0});
  // Among equal macs the most accurate comes first, so that the rest fall.
  std::sort(order.begin(), order.end(), [points](size_t a, size_t b) {
    return std::tuple(points[a].macs, points[b].accuracy_ppm, a) <
           std::tuple(points[b].macs, points[a].accuracy_ppm, b);
  });
  std::vector<size_t> front;
  for (const size_t index : order) {
    if (front.empty() ||
        points[index].accuracy_ppm > points[front.back()].accuracy_ppm) {
      front.push_back(index);
    }
  }
  return front;
}

std::vector<int64_t> ExclusiveHypervolumes(absl::Span<const ParetoPoint> points,
                                           absl::Span<const size_t> front,
                                           const ParetoPoint& reference) {
  std::vector<int64_t> volumes;
  for (size_t i = 0; i < front.size(); ++i) {
    const ParetoPoint& point = points[front[i]];
    int64_t accuracy_floor = reference.accuracy_ppm;
    int64_t macs_ceiling = reference.macs;
    if (i > 0) {
      const ParetoPoint& cheaper = points[front[i - 1]];
      ARCHPOOL_CHECK(cheaper.macs < point.macs &&
                     cheaper.accuracy_ppm < point.accuracy_ppm);
      accuracy_floor = std::max(accuracy_floor, cheaper.accuracy_ppm);
    }
    if (i + 1 < front.size()) {
      macs_ceiling = std::min(macs_ceiling, points[front[i + 1]].macs);
    }
    int64_t volume = 0;
    if (__builtin_mul_overflow(Gap(accuracy_floor, point.accuracy_ppm),
                               Gap(point.macs, macs_ceiling), &volume)) {
      volume = INT64_MAX;
    }
    volumes.push_back(volume);
  }
  return volumes;
}

}  // namespace archpool
