// SPDX-License-Identifier: Apache-2.0
// The second table, measured on the kernels of release 0.1.0
// (docs/arithmetic.md) with batches of several sizes. Tasks that were opened
// under it are priced by it to their end.
#include "common/nas/batched_cost_rows.h"
#include "common/nas/cost_rows.h"

namespace archpool {
namespace {

#include "common/nas/cost_table_v2.inc"

constexpr BatchedCostTable kTable =
    BatchedCosts<2, kMeasured>::TableWith(kStepCosts);

static_assert(HoldsAtEachBatch(kTable, HasFullGridsApart),
              "cost_table_v2.inc: the rows of a layer are not one full grid in "
              "ascending order with rates in range");
static_assert(HoldsAtEachBatch(kTable, HasEveryKind),
              "cost_table_v2.inc: a kind of layer is missing, or its rows do "
              "not stand together");
static_assert(HasStepCosts(kTable),
              "cost_table_v2.inc: a cost of a step is negative");

}  // namespace

const BatchedCostTable& CostTableV2() { return kTable; }

}  // namespace archpool
