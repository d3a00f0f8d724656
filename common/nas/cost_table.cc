// The table is cost_table_v1.inc: rows printed by tests/bench/cost_table, which
// measures each layer alone on one thread. A row is
//
//   {LayerKind::kConv, kernel, stride, depthwise, channels_in, channels_out,
//    pixels, train_fs, evaluate_fs},
//
//   depthwise    true where groups = channels > 1 (kConv alone)
//   pixels       height × width of the output; of the input for kGlobalAvgPool;
//                1 for kLinear
//   train_fs     femtoseconds (10^-15 s) per unit of work, forward and
//                backward; where channels_in <= 3 without the gradient of the
//                input, for such layers read the network's input
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
#include "common/nas/cost_table.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <iterator>
#include <tuple>

#include "common/base/check.h"
#include "common/nas/cost_grid.h"

namespace archpool {
namespace {

constexpr CostRow kRows[] = {
#include "common/nas/cost_table_v1.inc"
};

constexpr size_t CountGrids() {
  size_t count = 1;
  for (size_t i = 1; i < std::size(kRows); ++i) {
    if (!InOneGrid(kRows[i - 1], kRows[i])) ++count;
  }
  return count;
}

constexpr std::array<CostGrid, CountGrids()> MakeGrids() {
  std::array<CostGrid, CountGrids()> grids;
  size_t begin = 0;
  for (CostGrid& grid : grids) {
    size_t end = begin + 1;
    while (end < std::size(kRows) && InOneGrid(kRows[begin], kRows[end])) ++end;
    grid = MakeCostGrid(absl::MakeConstSpan(kRows + begin, end - begin));
    begin = end;
  }
  return grids;
}

constexpr auto kGrids = MakeGrids();
constexpr size_t kKinds = static_cast<size_t>(LayerKind::kLinear) + 1;

constexpr bool GridsAreFullAndApart() {
  for (size_t i = 0; i < kGrids.size(); ++i) {
    if (!IsFull(kGrids[i])) return false;
    for (size_t j = 0; j < i; ++j) {
      if (InOneGrid(kGrids[i].rows[0], kGrids[j].rows[0])) return false;
    }
  }
  return true;
}
static_assert(GridsAreFullAndApart(),
              "cost_table_v1.inc: the rows of a layer are not one full grid in "
              "ascending order with rates in range");

// The grids of a kind stand together, so that a look-up reads only its own.
struct KindRange {
  size_t begin = 0;
  size_t end = 0;
};

constexpr std::array<KindRange, kKinds> MakeKindRanges() {
  std::array<KindRange, kKinds> ranges;
  for (size_t i = 0; i < kGrids.size(); ++i) {
    KindRange& range = ranges[static_cast<size_t>(kGrids[i].rows[0].kind)];
    if (range.end == 0) range.begin = i;
    range.end = i + 1;
  }
  return ranges;
}

constexpr auto kKindRanges = MakeKindRanges();

constexpr bool EveryKindIsMeasured() {
  size_t grids = 0;
  for (const KindRange& range : kKindRanges) {
    if (range.begin == range.end) return false;
    grids += range.end - range.begin;
  }
  bool dense = false;
  bool depthwise = false;
  for (const CostGrid& grid : kGrids) {
    if (grid.rows[0].kind == LayerKind::kConv) {
      (grid.rows[0].depthwise ? depthwise : dense) = true;
    } else if (grid.rows[0].depthwise) {
      return false;
    }
  }
  // Ranges that overlap count a grid twice: a kind's grids stand apart.
  return grids == kGrids.size() && dense && depthwise;
}
static_assert(EveryKindIsMeasured(),
              "cost_table_v1.inc: a kind of layer is missing, or its rows do "
              "not stand together");

const CostGrid& GridOf(const Layer& layer) {
  const auto distance = [&layer](const CostRow& row) {
    const bool depthwise = layer.groups > 1;
    return std::tuple(row.depthwise != depthwise,
                      std::abs(row.stride - layer.stride),
                      std::abs(row.kernel - layer.kernel), row.kernel);
  };
  const KindRange range = kKindRanges[static_cast<size_t>(layer.kind)];
  return *std::min_element(kGrids.begin() + range.begin,
                           kGrids.begin() + range.end,
                           [&](const CostGrid& a, const CostGrid& b) {
                             return distance(a.rows[0]) < distance(b.rows[0]);
                           });
}

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

LayerCost CostOf(const Layer& layer) {
  const bool by_macs =
      layer.kind == LayerKind::kConv || layer.kind == LayerKind::kLinear;
  const TensorShape& shape = layer.kind == LayerKind::kGlobalAvgPool
                                 ? layer.input_shape
                                 : layer.output_shape;
  const int64_t units = by_macs ? layer.macs : shape.elements();
  const CostRate rate =
      RateAt(GridOf(layer), layer.input_shape.channels,
             layer.output_shape.channels, shape.height * shape.width);
  constexpr int64_t kFemtosecondsPerPicosecond = 1000;
  const auto cost_of = [units](int64_t rate_fs) {
    return DivideUp(
        Multiply(static_cast<Wide>(units), static_cast<Wide>(rate_fs)),
        kFemtosecondsPerPicosecond);
  };
  return {.train_ps = cost_of(rate.train_fs),
          .evaluate_ps = cost_of(rate.evaluate_fs)};
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
