// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/inner/conv_taps.h"

#include <cstddef>

namespace archpool::kernels {
namespace {

// Taps along one direction whose gradient reaches pixels `phase` modulo stride.
struct TapsOfPhase {
  TapsOfPhase(const Layer& layer, int64_t phase) {
    const int64_t padding = PaddingOf(layer);
    for (int64_t tap = 0; tap < layer.kernel; ++tap) {
      const int64_t distance = phase + padding - tap;
      // Rounds down below zero as well.
      const int64_t steps =
          (distance + layer.stride * layer.kernel) / layer.stride -
          layer.kernel;
      if (steps * layer.stride != distance) continue;
      taps.push_back(tap);
      offsets.push_back(steps);
    }
  }
  std::vector<int64_t> taps;
  std::vector<int64_t> offsets;
};

}  // namespace

std::vector<int64_t> ForwardTaps(const Layer& layer, const Strides& in) {
  const int64_t padding = PaddingOf(layer);
  std::vector<int64_t> offsets;
  for (int64_t u = 0; u < layer.kernel; ++u) {
    for (int64_t v = 0; v < layer.kernel; ++v) {
      offsets.push_back((u - padding) * in.row + (v - padding) * in.column);
    }
  }
  return offsets;
}

std::vector<GradientPhase> GradientPhases(const Layer& layer,
                                          const Strides& gradient) {
  std::vector<GradientPhase> phases;
  for (int64_t row = 0; row < layer.stride; ++row) {
    for (int64_t column = 0; column < layer.stride; ++column) {
      GradientPhase phase{.row = row, .column = column};
      phase.grid.rows =
          (layer.input_shape.height - row + layer.stride - 1) / layer.stride;
      phase.grid.columns =
          (layer.input_shape.width - column + layer.stride - 1) / layer.stride;
      if (phase.grid.rows < 1 || phase.grid.columns < 1) continue;
      const TapsOfPhase down(layer, row);
      const TapsOfPhase right(layer, column);
      for (size_t u = 0; u < down.taps.size(); ++u) {
        for (size_t v = 0; v < right.taps.size(); ++v) {
          phase.kernel_taps.push_back(down.taps[u] * layer.kernel +
                                      right.taps[v]);
          phase.offsets.push_back(down.offsets[u] * gradient.row +
                                  right.offsets[v] * gradient.column);
        }
      }
      phases.push_back(phase);
    }
  }
  return phases;
}

}  // namespace archpool::kernels
