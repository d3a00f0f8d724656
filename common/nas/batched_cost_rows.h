// SPDX-License-Identifier: Apache-2.0
// Makes a table of rates by batch from the rows of its .inc file. Included by
// cost_table_v2.cc and its successors alone: each defines kMeasured and
// kStepCosts by its .inc file. All of it is done by the compiler.
#ifndef ARCHPOOL_COMMON_NAS_BATCHED_COST_ROWS_H_
#define ARCHPOOL_COMMON_NAS_BATCHED_COST_ROWS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/nas/cost_rows.h"

namespace archpool {

// A row of such a file: a CostRow for each of kCostBatches.
struct BatchedRow {
  LayerKind kind;
  int64_t kernel;
  int64_t stride;
  bool depthwise;
  int64_t channels_in;
  int64_t channels_out;
  int64_t pixels;
  std::array<int64_t, kCostBatches.size()> train_fs;
  int64_t evaluate_fs;
};

template <size_t kCount>
constexpr std::array<CostRow, kCount> RowsAt(
    const BatchedRow (&measured)[kCount], size_t batch) {
  std::array<CostRow, kCount> rows{};
  for (size_t i = 0; i < kCount; ++i) {
    const BatchedRow& row = measured[i];
    rows[i] = {row.kind,      row.kernel,          row.stride,
               row.depthwise, row.channels_in,     row.channels_out,
               row.pixels,    row.train_fs[batch], row.evaluate_fs};
  }
  return rows;
}

// The rows and grids that a version's table points into. The version tells them
// apart: the rows are private to their file, and yet GCC 14 gives what is made
// of those of two files one name, and the linker keeps one of them.
template <int kVersion, const auto& kMeasured>
class BatchedCosts {
 public:
  static constexpr BatchedCostTable TableWith(const StepCosts& step) {
    static_assert(kCostBatches.size() == 3);
    return {.of_batch = {MakeCostTable(kGrids<0>), MakeCostTable(kGrids<1>),
                         MakeCostTable(kGrids<2>)},
            .step = step};
  }

 private:
  template <size_t kBatch>
  static constexpr auto kRows = RowsAt(kMeasured, kBatch);
  template <size_t kBatch>
  static constexpr auto kGrids =
      MakeCostGrids<CountCostGrids(kRows<kBatch>)>(kRows<kBatch>);
};

constexpr bool HoldsAtEachBatch(const BatchedCostTable& table,
                                bool (*holds)(const CostTable&)) {
  for (const CostTable& of_batch : table.of_batch) {
    if (!holds(of_batch)) return false;
  }
  return true;
}

// The parts of a step cost nothing or something, never less.
constexpr bool HasStepCosts(const BatchedCostTable& table) {
  return table.step.step_ns >= 0 && table.step.layer_ns >= 0 &&
         table.step.parameter_ps >= 0;
}

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_BATCHED_COST_ROWS_H_
