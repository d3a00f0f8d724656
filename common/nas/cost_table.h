// The measure of work: reference-core nanoseconds per layer, from a versioned
// table that tests/bench/cost_table measures and that anyone can measure again.
// Integers alone, so that every machine computes the same pay.
#ifndef ARCHPOOL_COMMON_NAS_COST_TABLE_H_
#define ARCHPOOL_COMMON_NAS_COST_TABLE_H_

#include <cstdint>

#include "common/nas/layer_plan.h"

namespace archpool {

// Raised whenever a number of the table changes. A task keeps the version that
// was in force when it was submitted.
inline constexpr int kCostTableVersion = 1;

struct LayerCost {
  int64_t train_ps = 0;     // picoseconds per example, forward and backward
  int64_t evaluate_ps = 0;  // picoseconds per example, forward
};

// The cost of `layer`, whose shapes are set.
LayerCost CostOf(const Layer& layer);

// The work units of a whole trial: one unit is one reference-core microsecond.
// Training `examples` for `epochs`, then evaluating `validation_examples` once.
int64_t TrialWorkUnits(const LayerPlan& plan, int64_t examples, int64_t epochs,
                       int64_t validation_examples);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_COST_TABLE_H_
