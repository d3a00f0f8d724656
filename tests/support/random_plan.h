// SPDX-License-Identifier: Apache-2.0
// Small networks of every kind of layer, drawn at random: for tests that hold
// for any network.
#ifndef ARCHPOOL_TESTS_SUPPORT_RANDOM_PLAN_H_
#define ARCHPOOL_TESTS_SUPPORT_RANDOM_PLAN_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "common/base/counter_rng.h"
#include "common/nas/layer_plan.h"
#include "tests/support/plan_builder.h"

namespace archpool::testing {

// Chains with branches that are added, batch norms with and without
// activations, readers of all kinds.
inline LayerPlan RandomPlan(CounterRng& rng) {
  const auto draw = [&](int64_t first, int64_t last) {
    return first + rng.Below(static_cast<uint32_t>(last - first + 1));
  };
  PlanBuilder builder({draw(1, 4), draw(5, 12), draw(5, 12)}, draw(2, 11));
  constexpr LayerKind kActivations[] = {LayerKind::kRelu, LayerKind::kHardswish,
                                        LayerKind::kSilu};
  int last = builder.Conv(draw(1, 24), 3, 1);
  last = builder.BatchNorm();
  const int64_t blocks = draw(1, 5);
  for (int64_t block = 0; block < blocks; ++block) {
    const int before = last;
    switch (draw(0, 6)) {
      case 0:
        builder.Conv(draw(1, 40), 2 * draw(0, 2) + 1, draw(1, 2));
        last = builder.BatchNorm();
        break;
      case 1: {  // a branch
        const int64_t channels = builder.plan()
                                     .layers[static_cast<size_t>(before)]
                                     .output_shape.channels;
        builder.Conv(channels, 2 * draw(0, 2) + 1, 1);
        builder.BatchNorm();
        last = builder.Add(before);
        break;
      }
      case 2: {
        const int64_t channels = builder.plan()
                                     .layers[static_cast<size_t>(before)]
                                     .output_shape.channels;
        builder.Conv(channels, 2 * draw(0, 2) + 1, draw(1, 2), channels);
        last = builder.BatchNorm();
        break;
      }
      case 3: {
        const TensorShape& map = builder.plan().layers.back().output_shape;
        // A window of two has no padding: one pixel would vanish.
        const int64_t least = std::min(map.height, map.width) < 2 ? 3 : 2;
        last = builder.Pool(LayerKind::kMaxPool, draw(least, 3), draw(1, 2));
        break;
      }
      case 4:
        last = builder.Pool(LayerKind::kAvgPool, 3, draw(1, 2));
        break;
      case 5:
        last = builder.Add(before);
        break;
      default:
        break;
    }
    if (draw(0, 2) > 0) {
      last = builder.Activation(kActivations[draw(0, 2)]);
    }
  }
  if (draw(0, 1) == 0) builder.GlobalAvgPool();
  builder.Linear();
  return builder.plan();
}

}  // namespace archpool::testing

#endif  // ARCHPOOL_TESTS_SUPPORT_RANDOM_PLAN_H_
