// SPDX-License-Identifier: Apache-2.0
// The second table, measured on the kernels (docs/arithmetic.md) with batches
// of several sizes.
#include "common/nas/cost_rows.h"

namespace archpool {
namespace {

// A row of the table: a CostRow for each of kCostBatches.
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

#include "common/nas/cost_table_v2.inc"

template <size_t kBatch, size_t kCount>
constexpr std::array<CostRow, kCount> RowsAt(
    const BatchedRow (&measured)[kCount]) {
  std::array<CostRow, kCount> rows{};
  for (size_t i = 0; i < kCount; ++i) {
    const BatchedRow& row = measured[i];
    rows[i] = {row.kind,      row.kernel,           row.stride,
               row.depthwise, row.channels_in,      row.channels_out,
               row.pixels,    row.train_fs[kBatch], row.evaluate_fs};
  }
  return rows;
}

template <size_t kBatch>
constexpr auto kRows = RowsAt<kBatch>(kMeasured);
template <size_t kBatch>
constexpr auto kGrids =
    MakeCostGrids<CountCostGrids(kRows<kBatch>)>(kRows<kBatch>);

static_assert(kCostBatches.size() == 3);
constexpr BatchedCostTable kTable = {
    .of_batch = {MakeCostTable(kGrids<0>), MakeCostTable(kGrids<1>),
                 MakeCostTable(kGrids<2>)},
    .step = kStepCosts};

constexpr bool AllOf(bool (*holds)(const CostTable&)) {
  for (const CostTable& table : kTable.of_batch) {
    if (!holds(table)) return false;
  }
  return true;
}

static_assert(AllOf(HasFullGridsApart),
              "cost_table_v2.inc: the rows of a layer are not one full grid in "
              "ascending order with rates in range");
static_assert(AllOf(HasEveryKind),
              "cost_table_v2.inc: a kind of layer is missing, or its rows do "
              "not stand together");
static_assert(kStepCosts.step_ns >= 0 && kStepCosts.layer_ns >= 0 &&
                  kStepCosts.parameter_ps >= 0,
              "cost_table_v2.inc: a cost of a step is negative");

}  // namespace

const BatchedCostTable& CostTableV2() { return kTable; }

}  // namespace archpool
