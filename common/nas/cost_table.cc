// SPDX-License-Identifier: Apache-2.0
// The tables are cost_table_v1.inc and its siblings: rows printed by
// tests/bench/cost_table, which measures each layer alone on one thread. A row
// is
//
//   {LayerKind::kConv, kernel, stride, depthwise, channels_in, channels_out,
//    pixels, train_fs, evaluate_fs},
//
//   depthwise    true where groups = channels > 1 (kConv alone)
//   pixels       height × width of the output; of the input for kGlobalAvgPool;
//                1 for kLinear
//   train_fs     femtoseconds (10^-15 s) per unit of work, forward and
//                backward; where channels_in <= 3 without the gradient of the
//                input, for such layers read the network's input. From version
//                2 on a list, {…, …, …}, by the sizes of batches of
//                kCostBatches
//   evaluate_fs  the same, forward alone, as in evaluation
//
// The unit of work is a multiply-accumulate for kConv and kLinear, an element
// of the input for kGlobalAvgPool, and an element of the output for all others.
// kernel and stride are 1 where they mean nothing (all but kConv, kMaxPool,
// kAvgPool). Rates are in [1, 2^32].
//
// Rows of one (kind, kernel, stride, depthwise) stand together and are a full
// grid in ascending order: for each channels_in, for each channels_out, for
// each pixels. Dense kConv and kLinear have both axes of channels; all others
// have channels_in = channels_out, and a grid over (channels, pixels). An axis
// has 1 to 16 points. Every kind has at least one grid, kConv both a dense and
// a depthwise one. A file that breaks any of this does not compile.
//
// A layer whose (kernel, stride) was not measured takes the grid of the nearest
// stride, then the nearest kernel, the smaller one where two are as near.
//
// From version 2 on they have the costs of a step beside the rates: what a step
// takes whatever the network (step_ns), for each layer (layer_ns) and for each
// trained parameter (parameter_ps). Its rates are what remains of a layer's
// time without them. A step's costs are shared by the examples of its batch;
// the rates of a size between two that were measured are interpolated along
// log2.
#include "common/nas/cost_table.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <tuple>

#include "common/base/check.h"
#include "common/nas/cost_grid.h"
#include "common/nas/cost_rows.h"

namespace archpool {
namespace {

const CostGrid& GridOf(const CostTable& table, const Layer& layer) {
  const auto distance = [&layer](const CostRow& row) {
    const bool depthwise = layer.groups > 1;
    return std::tuple(row.depthwise != depthwise,
                      std::abs(row.stride - layer.stride),
                      std::abs(row.kernel - layer.kernel), row.kernel);
  };
  const CostTable::Range range = table.of_kind[static_cast<size_t>(layer.kind)];
  return *std::min_element(table.grids.begin() + range.begin,
                           table.grids.begin() + range.end,
                           [&](const CostGrid& a, const CostGrid& b) {
                             return distance(a.rows[0]) < distance(b.rows[0]);
                           });
}

bool IsByMacs(LayerKind kind) {
  return kind == LayerKind::kConv || kind == LayerKind::kLinear;
}

const TensorShape& PricedShape(const Layer& layer) {
  return layer.kind == LayerKind::kGlobalAvgPool ? layer.input_shape
                                                 : layer.output_shape;
}

int64_t BatchOf(const Pricing& pricing) {
  return pricing.batch_size > 0 ? pricing.batch_size : kCostBatches.back();
}

// The table of a version from 2 on.
const BatchedCostTable& BatchedTable(int64_t version) {
  return version == 2 ? CostTableV2() : CostTableV3();
}

// Between the rates of the batches around it; at an end, that end's.
CostRate RateAtBatch(const BatchedCostTable& table, const Layer& layer,
                     int64_t batch) {
  const auto& of_batch = table.of_batch;
  size_t upper = 0;
  while (upper + 1 < kCostBatches.size() && kCostBatches[upper] < batch) {
    ++upper;
  }
  const CostRate high = RateOf(of_batch[upper], layer);
  if (upper == 0 || kCostBatches[upper] <= batch) return high;
  const CostRate low = RateOf(of_batch[upper - 1], layer);
  const int64_t from = Log2InUnitsOf1024(kCostBatches[upper - 1]);
  const int64_t span = Log2InUnitsOf1024(kCostBatches[upper]) - from;
  const int64_t at = Log2InUnitsOf1024(batch) - from;
  return {
      .train_fs =
          (low.train_fs * (span - at) + high.train_fs * at + span / 2) / span,
      .evaluate_fs = high.evaluate_fs};
}

constexpr int64_t kPicosecondsPerNanosecond = 1000;

using Wide = unsigned __int128;

// ceil(product / divisor), INT64_MAX where it is more.
int64_t DivideUp(Wide product, int64_t divisor) {
  const auto by = static_cast<Wide>(divisor);
  const Wide quotient = product / by + (product % by == 0 ? 0 : 1);
  return quotient > static_cast<Wide>(INT64_MAX)
             ? INT64_MAX
             : static_cast<int64_t>(quotient);
}

Wide Multiply(Wide a, Wide b) {
  Wide product = 0;
  return __builtin_mul_overflow(a, b, &product) ? ~Wide{0} : product;
}

Wide Add(Wide a, Wide b) {
  Wide sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? ~Wide{0} : sum;
}

}  // namespace

CostRate RateOf(const CostTable& table, const Layer& layer) {
  const TensorShape& shape = PricedShape(layer);
  return RateAt(GridOf(table, layer), layer.input_shape.channels,
                layer.output_shape.channels, shape.height * shape.width);
}

LayerCost CostOf(const Layer& layer, const Pricing& pricing) {
  ARCHPOOL_CHECK(IsCostTable(pricing.version));
  const bool is_first = pricing.version == 1;
  const CostRate rate = is_first ? RateOf(CostTableV1(), layer)
                                 : RateAtBatch(BatchedTable(pricing.version),
                                               layer, BatchOf(pricing));
  const int64_t units =
      IsByMacs(layer.kind) ? layer.macs : PricedShape(layer).elements();
  const auto cost_of = [units](int64_t rate_fs) {
    constexpr int64_t kFemtosecondsPerPicosecond = 1000;
    return DivideUp(
        Multiply(static_cast<Wide>(units), static_cast<Wide>(rate_fs)),
        kFemtosecondsPerPicosecond);
  };
  LayerCost cost{.train_ps = cost_of(rate.train_fs),
                 .evaluate_ps = cost_of(rate.evaluate_fs)};
  if (is_first) return cost;
  const StepCosts& step = BatchedTable(pricing.version).step;
  const Wide each_step =
      Add(static_cast<Wide>(step.layer_ns * kPicosecondsPerNanosecond),
          Multiply(static_cast<Wide>(step.parameter_ps),
                   static_cast<Wide>(layer.parameters)));
  cost.train_ps =
      DivideUp(Add(static_cast<Wide>(cost.train_ps),
                   static_cast<Wide>(DivideUp(each_step, BatchOf(pricing)))),
               1);
  return cost;
}

int64_t StepTrainPs(const Pricing& pricing) {
  ARCHPOOL_CHECK(IsCostTable(pricing.version));
  if (pricing.version == 1) return 0;
  return DivideUp(static_cast<Wide>(BatchedTable(pricing.version).step.step_ns *
                                    kPicosecondsPerNanosecond),
                  BatchOf(pricing));
}

int64_t TrialWorkUnits(const LayerPlan& plan, int64_t examples, int64_t epochs,
                       int64_t validation_examples) {
  ARCHPOOL_CHECK(examples >= 0 && epochs >= 0 && validation_examples >= 0);
  const Wide train_ns =
      Multiply(Multiply(static_cast<Wide>(examples), static_cast<Wide>(epochs)),
               static_cast<Wide>(plan.train_ns_per_example));
  const Wide evaluate_ns =
      Multiply(static_cast<Wide>(validation_examples),
               static_cast<Wide>(plan.evaluate_ns_per_example));
  constexpr int64_t kNanosecondsPerWorkUnit = 1000;
  return DivideUp(Add(train_ns, evaluate_ns), kNanosecondsPerWorkUnit);
}

}  // namespace archpool
