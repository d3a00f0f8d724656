// SPDX-License-Identifier: Apache-2.0
#include "common/nas/cost_grid.h"

#include <bit>

#include "common/base/check.h"

namespace archpool {
namespace {

constexpr int kWeightBits = 10;
constexpr int64_t kWeightOne = int64_t{1} << kWeightBits;

// Between points[lower] (weight 1 - upper_weight) and points[upper].
struct Position {
  size_t lower = 0;
  size_t upper = 0;
  int64_t upper_weight = 0;  // in [0, kWeightOne)
};

Position PositionOn(const CostAxis& axis, int64_t value) {
  const size_t last = axis.count - 1;
  if (value <= axis.points[0]) return {};
  if (value >= axis.points[last]) return {.lower = last, .upper = last};
  size_t upper = 1;
  while (axis.points[upper] <= value) ++upper;
  const int32_t low = Log2InUnitsOf1024(axis.points[upper - 1]);
  const int32_t high = Log2InUnitsOf1024(axis.points[upper]);
  const int32_t at = Log2InUnitsOf1024(value);
  // Large neighbours may share a logarithm at this resolution.
  if (at >= high) return {.lower = upper, .upper = upper};
  return {.lower = upper - 1,
          .upper = upper,
          .upper_weight = (at - low) * kWeightOne / (high - low)};
}

}  // namespace

int32_t Log2InUnitsOf1024(int64_t value) {
  ARCHPOOL_CHECK(value >= 1);
  const auto bits = static_cast<uint64_t>(value);
  const int exponent = static_cast<int>(std::bit_width(bits)) - 1;
  const uint64_t mantissa = exponent >= kWeightBits
                                ? bits >> (exponent - kWeightBits)
                                : bits << (kWeightBits - exponent);
  return static_cast<int32_t>(exponent * kWeightOne - kWeightOne +
                              static_cast<int64_t>(mantissa));
}

CostRate RateAt(const CostGrid& grid, int64_t channels_in, int64_t channels_out,
                int64_t pixels) {
  ARCHPOOL_CHECK(IsFull(grid));
  const std::array<Position, 3> positions = {
      PositionOn(grid.channels_in, channels_in),
      PositionOn(grid.channels_out, channels_out),
      PositionOn(grid.pixels, pixels)};
  CostRate sum;
  for (unsigned corner = 0; corner < 8; ++corner) {
    int64_t weight = 1;
    std::array<size_t, 3> at{};
    for (size_t axis = 0; axis < 3; ++axis) {
      const Position& position = positions[axis];
      const bool upper = (corner >> axis & 1) != 0;
      weight *=
          upper ? position.upper_weight : kWeightOne - position.upper_weight;
      at[axis] = upper ? position.upper : position.lower;
    }
    if (weight == 0) continue;
    const size_t row =
        (at[0] * grid.channels_out.count + at[1]) * grid.pixels.count + at[2];
    sum.train_fs += weight * grid.rows[row].train_fs;
    sum.evaluate_fs += weight * grid.rows[row].evaluate_fs;
  }
  // The eight weights add up to 2^30 exactly.
  constexpr int kShift = 3 * kWeightBits;
  constexpr int64_t kHalf = int64_t{1} << (kShift - 1);
  return {.train_fs = (sum.train_fs + kHalf) >> kShift,
          .evaluate_fs = (sum.evaluate_fs + kHalf) >> kShift};
}

}  // namespace archpool
