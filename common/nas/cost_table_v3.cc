// SPDX-License-Identifier: Apache-2.0
// The third table: as the second, measured on the kernels of release 0.2.0.
#include "common/nas/batched_cost_rows.h"
#include "common/nas/cost_rows.h"

namespace archpool {
namespace {

#include "common/nas/cost_table_v3.inc"

constexpr BatchedCostTable kTable =
    BatchedCosts<3, kMeasured>::TableWith(kStepCosts);

static_assert(HoldsAtEachBatch(kTable, HasFullGridsApart),
              "cost_table_v3.inc: the rows of a layer are not one full grid in "
              "ascending order with rates in range");
static_assert(HoldsAtEachBatch(kTable, HasEveryKind),
              "cost_table_v3.inc: a kind of layer is missing, or its rows do "
              "not stand together");
static_assert(HasStepCosts(kTable),
              "cost_table_v3.inc: a cost of a step is negative");

}  // namespace

const BatchedCostTable& CostTableV3() { return kTable; }

}  // namespace archpool
