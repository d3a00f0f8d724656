// SPDX-License-Identifier: Apache-2.0
// The measure of work: reference-core nanoseconds per layer, from versioned
// tables that tests/bench/cost_table measured and that anyone can measure
// again. Integers alone, so that every machine computes the same pay.
// Thread-safe.
#ifndef ARCHPOOL_COMMON_NAS_COST_TABLE_H_
#define ARCHPOOL_COMMON_NAS_COST_TABLE_H_

#include <cstdint>

#include "common/nas/layer_plan.h"
#include "common/nas/pricing.h"

namespace archpool {

struct LayerCost {
  int64_t train_ps = 0;     // picoseconds per example, forward and backward
  int64_t evaluate_ps = 0;  // picoseconds per example, forward
};

// The cost of `layer`, whose shapes are set, with its part of what a step
// costs. REQUIRES: IsCostTable(pricing.version).
LayerCost CostOf(const Layer& layer, const Pricing& pricing = {});

// What an example costs beside its layers: its part of what a step takes
// whatever the network, in picoseconds. REQUIRES: IsCostTable(pricing.version).
int64_t StepTrainPs(const Pricing& pricing = {});

// The work units of a whole trial: one unit is one reference-core microsecond.
// Training `examples` for `epochs`, then evaluating `validation_examples` once.
int64_t TrialWorkUnits(const LayerPlan& plan, int64_t examples, int64_t epochs,
                       int64_t validation_examples);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_COST_TABLE_H_
