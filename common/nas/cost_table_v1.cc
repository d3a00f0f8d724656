// SPDX-License-Identifier: Apache-2.0
// The first table, measured on LibTorch with batches of 128. Tasks that were
// opened under it are priced by it to their end.
#include "common/nas/cost_rows.h"

namespace archpool {
namespace {

constexpr CostRow kRows[] = {
#include "common/nas/cost_table_v1.inc"
};

constexpr auto kGrids = MakeCostGrids<CountCostGrids(kRows)>(kRows);
constexpr CostTable kTable = MakeCostTable(kGrids);

static_assert(HasFullGridsApart(kTable),
              "cost_table_v1.inc: the rows of a layer are not one full grid in "
              "ascending order with rates in range");
static_assert(HasEveryKind(kTable),
              "cost_table_v1.inc: a kind of layer is missing, or its rows do "
              "not stand together");

}  // namespace

const CostTable& CostTableV1() { return kTable; }

}  // namespace archpool
