// SPDX-License-Identifier: Apache-2.0
// Measured rates on grids, and the interpolation between their points, in
// integers alone: every machine computes the same pay. Used by cost_table.cc.
// Value types; thread-compatible.
#ifndef ARCHPOOL_COMMON_NAS_COST_GRID_H_
#define ARCHPOOL_COMMON_NAS_COST_GRID_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "common/nas/layer_plan.h"

namespace archpool {

// One measured point; the format is explained in cost_table.cc.
struct CostRow {
  LayerKind kind;
  int64_t kernel;
  int64_t stride;
  bool depthwise;
  int64_t channels_in;
  int64_t channels_out;
  int64_t pixels;
  int64_t train_fs;
  int64_t evaluate_fs;
};

// Femtoseconds per multiply-accumulate or per element.
struct CostRate {
  int64_t train_fs = 0;
  int64_t evaluate_fs = 0;
  friend bool operator==(const CostRate&, const CostRate&) = default;
};

// Interpolation multiplies a rate by 2^30 in 64 bits.
inline constexpr int64_t kCostRateMax = int64_t{1} << 32;

// log2(value) in 1/1024, with the mantissa taken as linear between powers of
// two: exact at powers of two, never decreasing. REQUIRES: value >= 1.
int32_t Log2InUnitsOf1024(int64_t value);

struct CostAxis {
  static constexpr size_t kPointsMax = 16;
  size_t count = 0;
  std::array<int64_t, kPointsMax> points{};  // strictly rising, positive
};

// The rows of one (kind, kernel, stride, depthwise), in the order channels_in,
// channels_out, pixels.
struct CostGrid {
  absl::Span<const CostRow> rows;
  CostAxis channels_in;  // one point where channels_in = channels_out always
  CostAxis channels_out;
  CostAxis pixels;
};

// Whether channels_in and channels_out vary apart: dense convolutions and
// linear layers. The grids of all other kinds have one axis of channels.
constexpr bool HasTwoChannelAxes(LayerKind kind, bool depthwise) {
  return (kind == LayerKind::kConv && !depthwise) || kind == LayerKind::kLinear;
}

constexpr bool InOneGrid(const CostRow& a, const CostRow& b) {
  return a.kind == b.kind && a.kernel == b.kernel && a.stride == b.stride &&
         a.depthwise == b.depthwise;
}

// The grid of `rows`. REQUIRES: rows is not empty, all InOneGrid.
// An axis of count 0: the rows are no full grid in ascending order, an axis has
// too many points, or a rate is outside [1, kCostRateMax].
constexpr CostGrid MakeCostGrid(absl::Span<const CostRow> rows);

// The rate at a point. Linear between the grid's points along each axis' log2
// (so it stays between the rates of the points around it, meets them exactly,
// and rises along an axis wherever theirs do); beyond an edge, the edge's rate.
// REQUIRES: grid is full; channels and pixels >= 1.
CostRate RateAt(const CostGrid& grid, int64_t channels_in, int64_t channels_out,
                int64_t pixels);

constexpr bool IsFull(const CostGrid& grid) {
  return grid.channels_in.count > 0 && grid.channels_out.count > 0 &&
         grid.pixels.count > 0;
}

constexpr CostGrid MakeCostGrid(absl::Span<const CostRow> rows) {
  const bool two_axes = HasTwoChannelAxes(rows[0].kind, rows[0].depthwise);
  const auto append = [](CostAxis& axis, int64_t point) {
    if (axis.count == CostAxis::kPointsMax || point < 1) return false;
    if (axis.count > 0 && point <= axis.points[axis.count - 1]) return false;
    axis.points[axis.count++] = point;
    return true;
  };
  CostGrid grid;
  grid.rows = rows;
  // The axes are read off the first pixels, outputs and inputs; every row is
  // then held against them.
  for (size_t i = 0; i < rows.size(); ++i) {
    const CostRow& row = rows[i];
    const bool first_input = row.channels_in == rows[0].channels_in;
    const bool first_output = row.channels_out == rows[0].channels_out;
    const bool first_pixels = row.pixels == rows[0].pixels;
    bool rising = true;
    if (first_input && first_output) rising &= append(grid.pixels, row.pixels);
    if (first_pixels && (!two_axes || first_input)) {
      rising &= append(grid.channels_out, row.channels_out);
    }
    if (first_pixels && two_axes && first_output) {
      rising &= append(grid.channels_in, row.channels_in);
    }
    if (!rising) return CostGrid();
  }
  if (!two_axes) grid.channels_in = {.count = 1, .points = {1}};
  const size_t outputs = grid.channels_out.count;
  const size_t pixels = grid.pixels.count;
  if (grid.channels_in.count * outputs * pixels != rows.size()) {
    return CostGrid();
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const CostRow& row = rows[i];
    const int64_t channels_out = grid.channels_out.points[i / pixels % outputs];
    const int64_t channels_in =
        two_axes ? grid.channels_in.points[i / pixels / outputs] : channels_out;
    if (row.channels_in != channels_in || row.channels_out != channels_out ||
        row.pixels != grid.pixels.points[i % pixels] || row.train_fs < 1 ||
        row.train_fs > kCostRateMax || row.evaluate_fs < 1 ||
        row.evaluate_fs > kCostRateMax) {
      return CostGrid();
    }
  }
  return grid;
}

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_COST_GRID_H_
