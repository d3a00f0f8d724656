// SPDX-License-Identifier: Apache-2.0
// The measured tables, each compiled from its .inc file, and how a layer's rate
// is looked up in one. Used by cost_table.cc and the files of the tables
// (cost_table_v1.cc and its siblings) alone. Immutable; thread-safe.
#ifndef ARCHPOOL_COMMON_NAS_COST_ROWS_H_
#define ARCHPOOL_COMMON_NAS_COST_ROWS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "common/nas/cost_grid.h"
#include "common/nas/layer.h"

namespace archpool {

// The grids of a kind stand together, so that a look-up reads only its own.
struct CostTable {
  struct Range {
    size_t begin = 0;
    size_t end = 0;
  };
  absl::Span<const CostGrid> grids;
  std::array<Range, kCountOf<LayerKind>> of_kind{};
};

// What does not grow with the examples of a step.
struct StepCosts {
  int64_t step_ns = 0;       // of a step, whatever the network
  int64_t layer_ns = 0;      // of each layer
  int64_t parameter_ps = 0;  // of each trained parameter
};

// The sizes of batches that versions from 2 on were measured with. Rising.
inline constexpr std::array<int64_t, 3> kCostBatches = {1, 8, 128};

struct BatchedCostTable {
  std::array<CostTable, kCostBatches.size()> of_batch;
  StepCosts step;
};

const CostTable& CostTableV1();
const BatchedCostTable& CostTableV2();
const BatchedCostTable& CostTableV3();

CostRate RateOf(const CostTable& table, const Layer& layer);

constexpr size_t CountCostGrids(absl::Span<const CostRow> rows) {
  size_t count = 1;
  for (size_t i = 1; i < rows.size(); ++i) {
    if (!InOneGrid(rows[i - 1], rows[i])) ++count;
  }
  return count;
}

template <size_t kCount>
constexpr std::array<CostGrid, kCount> MakeCostGrids(
    absl::Span<const CostRow> rows) {
  std::array<CostGrid, kCount> grids;
  size_t begin = 0;
  for (CostGrid& grid : grids) {
    size_t end = begin + 1;
    while (end < rows.size() && InOneGrid(rows[begin], rows[end])) ++end;
    grid = MakeCostGrid(rows.subspan(begin, end - begin));
    begin = end;
  }
  return grids;
}

constexpr CostTable MakeCostTable(absl::Span<const CostGrid> grids) {
  CostTable table{.grids = grids};
  for (size_t i = 0; i < grids.size(); ++i) {
    CostTable::Range& range =
        table.of_kind[static_cast<size_t>(grids[i].rows[0].kind)];
    if (range.end == 0) range.begin = i;
    range.end = i + 1;
  }
  return table;
}

// Whether the rows of each layer are one full grid in ascending order with
// rates in range.
constexpr bool HasFullGridsApart(const CostTable& table) {
  for (size_t i = 0; i < table.grids.size(); ++i) {
    if (!IsFull(table.grids[i])) return false;
    for (size_t j = 0; j < i; ++j) {
      if (InOneGrid(table.grids[i].rows[0], table.grids[j].rows[0])) {
        return false;
      }
    }
  }
  return true;
}

// Whether every kind is there, its grids together, and both sorts of
// convolution.
constexpr bool HasEveryKind(const CostTable& table) {
  size_t grids = 0;
  for (const CostTable::Range& range : table.of_kind) {
    if (range.begin == range.end) return false;
    grids += range.end - range.begin;
  }
  bool dense = false;
  bool depthwise = false;
  for (const CostGrid& grid : table.grids) {
    if (grid.rows[0].kind == LayerKind::kConv) {
      (grid.rows[0].depthwise ? depthwise : dense) = true;
    } else if (grid.rows[0].depthwise) {
      return false;
    }
  }
  // Ranges that overlap count a grid twice: a kind's grids stand apart.
  return grids == table.grids.size() && dense && depthwise;
}

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_COST_ROWS_H_
