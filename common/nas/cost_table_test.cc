// SPDX-License-Identifier: Apache-2.0
#include "common/nas/cost_table.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/nas/batched_cost_rows.h"
#include "common/nas/cost_grid.h"
#include "common/nas/cost_rows.h"
#include "common/nas/layer_plan.h"
#include "common/nas/pricing.h"
#include "gtest/gtest.h"
#include "tests/support/spaces.h"

namespace archpool {
namespace {

CostRow Row(int64_t in, int64_t out, int64_t pixels, int64_t train_fs) {
  return {LayerKind::kConv, 3, 1, false, in, out, pixels, train_fs,
          train_fs / 4 + 1};
}

CostRow DepthwiseRow(int64_t channels, int64_t pixels, int64_t train_fs) {
  CostRow row = Row(channels, channels, pixels, train_fs);
  row.depthwise = true;
  return row;
}

// 2 × 2 × 2 points whose rate tells which one it is.
std::vector<CostRow> Cube() {
  return {Row(16, 16, 64, 8000), Row(16, 16, 256, 7000),
          Row(16, 64, 64, 6000), Row(16, 64, 256, 5000),
          Row(64, 16, 64, 4000), Row(64, 16, 256, 3000),
          Row(64, 64, 64, 2000), Row(64, 64, 256, 1000)};
}

namespace v2 {
#include "common/nas/cost_table_v2.inc"
}  // namespace v2
namespace v3 {
#include "common/nas/cost_table_v3.inc"
}  // namespace v3

void ExpectEachMeasuredPoint(absl::Span<const BatchedRow> rows,
                             const BatchedCostTable& table) {
  for (const BatchedRow& row : rows) {
    Layer layer;
    layer.kind = row.kind;
    layer.kernel = row.kernel;
    layer.stride = row.stride;
    layer.groups = row.depthwise ? row.channels_in : 1;
    layer.input_shape = {row.channels_in, row.pixels, 1};
    layer.output_shape = {row.channels_out, row.pixels, 1};
    for (size_t batch = 0; batch < kCostBatches.size(); ++batch) {
      ASSERT_EQ(RateOf(table.of_batch[batch], layer),
                (CostRate{row.train_fs[batch], row.evaluate_fs}))
          << ToString(row.kind) << " " << row.channels_in << " "
          << row.channels_out << " " << row.pixels;
    }
  }
}

// A compiler merged the tables of two versions: work was priced by the rows of
// the other one, and what a miner is paid followed from the compiler.
TEST(CostTableTest, EveryVersionHasItsOwnRows) {
  ExpectEachMeasuredPoint(v2::kMeasured, CostTableV2());
  EXPECT_EQ(CostTableV2().step.step_ns, v2::kStepCosts.step_ns);
  ExpectEachMeasuredPoint(v3::kMeasured, CostTableV3());
  EXPECT_EQ(CostTableV3().step.step_ns, v3::kStepCosts.step_ns);
}

TEST(CostGridTest, LogarithmIsExactAtPowersOfTwoAndNeverFalls) {
  EXPECT_EQ(Log2InUnitsOf1024(1), 0);
  EXPECT_EQ(Log2InUnitsOf1024(2), 1024);
  EXPECT_EQ(Log2InUnitsOf1024(3), 1024 + 512);
  EXPECT_EQ(Log2InUnitsOf1024(int64_t{1} << 40), 40 * 1024);
  EXPECT_EQ(Log2InUnitsOf1024(INT64_MAX), 63 * 1024 - 1);
  for (int64_t value = 2; value < 100'000; ++value) {
    ASSERT_LE(Log2InUnitsOf1024(value - 1), Log2InUnitsOf1024(value));
  }
}

TEST(CostGridTest, MeetsTheMeasuredPointsAndHoldsTheEdges) {
  const std::vector<CostRow> rows = Cube();
  const CostGrid grid = MakeCostGrid(rows);
  ASSERT_TRUE(IsFull(grid));
  for (const CostRow& row : rows) {
    EXPECT_EQ(RateAt(grid, row.channels_in, row.channels_out, row.pixels),
              (CostRate{row.train_fs, row.evaluate_fs}));
  }
  EXPECT_EQ(RateAt(grid, 1, 1, 1).train_fs, 8000);
  EXPECT_EQ(RateAt(grid, 4096, 4096, INT64_MAX).train_fs, 1000);
  EXPECT_EQ(RateAt(grid, 1, 4096, 1).train_fs, 6000);
}

// Half-way in log2 along one axis, and along all three.
TEST(CostGridTest, InterpolatesLinearlyInTheLogarithm) {
  const std::vector<CostRow> rows = Cube();
  const CostGrid grid = MakeCostGrid(rows);
  EXPECT_EQ(RateAt(grid, 16, 16, 128).train_fs, 7500);
  EXPECT_EQ(RateAt(grid, 16, 32, 64).train_fs, 7000);
  EXPECT_EQ(RateAt(grid, 32, 16, 64).train_fs, 6000);
  EXPECT_EQ(RateAt(grid, 32, 32, 128).train_fs, 4500);
}

// The cube's rates fall along every axis; so must all that lies between.
TEST(CostGridTest, IsMonotoneWhereThePointsAre) {
  const std::vector<CostRow> rows = Cube();
  const CostGrid grid = MakeCostGrid(rows);
  for (int64_t in = 8; in < 80; in += 3) {
    for (int64_t out = 8; out < 80; out += 3) {
      for (int64_t pixels = 50; pixels < 300; pixels += 7) {
        const int64_t here = RateAt(grid, in, out, pixels).train_fs;
        ASSERT_GE(here, RateAt(grid, in + 1, out, pixels).train_fs);
        ASSERT_GE(here, RateAt(grid, in, out + 1, pixels).train_fs);
        ASSERT_GE(here, RateAt(grid, in, out, pixels + 1).train_fs);
      }
    }
  }
}

TEST(CostGridTest, PairedChannelsMakeOneAxis) {
  const std::vector<CostRow> rows = {
      DepthwiseRow(16, 64, 400), DepthwiseRow(16, 256, 300),
      DepthwiseRow(64, 64, 200), DepthwiseRow(64, 256, 100)};
  const CostGrid grid = MakeCostGrid(rows);
  ASSERT_TRUE(IsFull(grid));
  EXPECT_EQ(RateAt(grid, 32, 32, 64).train_fs, 300);
  EXPECT_EQ(RateAt(grid, 64, 64, 256).train_fs, 100);
}

// Each mutilation of a good grid must be noticed.
TEST(CostGridTest, MalformedGridsAreNotFull) {
  const std::vector<CostRow> good = Cube();
  for (size_t missing = 1; missing < good.size(); ++missing) {
    std::vector<CostRow> rows = good;
    rows.erase(rows.begin() + static_cast<ptrdiff_t>(missing));
    EXPECT_FALSE(IsFull(MakeCostGrid(rows))) << missing;
  }
  for (size_t i = 0; i < good.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      std::vector<CostRow> rows = good;
      std::swap(rows[i], rows[j]);
      EXPECT_FALSE(IsFull(MakeCostGrid(rows))) << i << " " << j;
    }
    for (const int64_t rate : {int64_t{0}, int64_t{-1}, kCostRateMax + 1}) {
      std::vector<CostRow> rows = good;
      rows[i].train_fs = rate;
      EXPECT_FALSE(IsFull(MakeCostGrid(rows)));
      rows = good;
      rows[i].evaluate_fs = rate;
      EXPECT_FALSE(IsFull(MakeCostGrid(rows)));
    }
  }
}

Layer Conv(int64_t in, int64_t out, int64_t kernel, int64_t groups,
           int64_t side) {
  Layer layer;
  layer.kind = LayerKind::kConv;
  layer.kernel = kernel;
  layer.groups = groups;
  layer.input_shape = {in, side, side};
  layer.output_shape = {out, side, side};
  layer.parameters = out * (in / groups) * kernel * kernel;
  layer.macs = layer.parameters * side * side;
  return layer;
}

// Every table, with batches at, between and beyond those that were measured.
std::vector<Pricing> Pricings() {
  std::vector<Pricing> all;
  for (int64_t version = 1; version <= kCostTableVersion; ++version) {
    for (const int64_t batch : {0, 1, 3, 8, 32, 128, 1024}) {
      all.push_back({.version = version, .batch_size = batch});
    }
  }
  return all;
}

std::string NameOf(const Pricing& pricing) {
  return absl::StrCat("table ", pricing.version, ", batches of ",
                      pricing.batch_size);
}

// The reason for the table: a depthwise multiply-accumulate costs more than a
// dense one, many times as much in large batches.
TEST(CostTableTest, DepthwiseMacsCostMoreThanDenseOnes) {
  const Layer dense = Conv(64, 64, 3, 1, 14);
  const Layer depthwise = Conv(64, 64, 3, 64, 14);
  for (const Pricing& pricing : Pricings()) {
    const auto per_mac = [&](const Layer& layer) {
      return static_cast<double>(CostOf(layer, pricing).train_ps) /
             static_cast<double>(layer.macs);
    };
    EXPECT_GT(per_mac(depthwise), per_mac(dense)) << NameOf(pricing);
  }
}

TEST(CostTableTest, EveryKindCostsAndTrainingCostsMore) {
  for (const Pricing& pricing : Pricings()) {
    for (size_t kind = 0; kind < kCountOf<LayerKind>; ++kind) {
      for (const int64_t kernel : {1, 3, 5, 7, 9, 11}) {
        Layer layer = Conv(32, 32, kernel, 1, 14);
        layer.kind = static_cast<LayerKind>(kind);
        const LayerCost cost = CostOf(layer, pricing);
        EXPECT_GT(cost.evaluate_ps, 0) << ToString(layer.kind);
        EXPECT_GT(cost.train_ps, cost.evaluate_ps)
            << ToString(layer.kind) << " " << kernel << " " << NameOf(pricing);
      }
    }
  }
}

// Four times the work along any axis never costs less: a table with an outlier
// would pay small networks above large ones.
void ExpectLargerCostMore(int64_t channels, int64_t kernel, int64_t side,
                          const Pricing& pricing) {
  SCOPED_TRACE(absl::StrCat(channels, " channels, kernel ", kernel, ", side ",
                            side, ", ", NameOf(pricing)));
  const auto cost = [&](int64_t in, int64_t out, int64_t groups,
                        int64_t at_side) {
    return CostOf(Conv(in, out, kernel, groups, at_side), pricing).train_ps;
  };
  const int64_t more = 4 * channels;
  const int64_t dense = cost(channels, channels, 1, side);
  EXPECT_LT(dense, cost(more, channels, 1, side));
  EXPECT_LT(dense, cost(channels, more, 1, side));
  EXPECT_LT(dense, cost(channels, channels, 1, 2 * side));
  EXPECT_LT(cost(channels, channels, channels, side),
            cost(more, more, more, side));
}

TEST(CostTableTest, LargerLayersCostMore) {
  for (const Pricing& pricing : Pricings()) {
    for (const int64_t kernel : {1, 3, 5, 7}) {
      for (const int64_t channels : {8, 16, 32, 64, 128}) {
        for (const int64_t side : {4, 7, 14}) {
          ExpectLargerCostMore(channels, kernel, side, pricing);
        }
      }
    }
  }
}

TEST(CostTableTest, CostsSaturateInsteadOfOverflowing) {
  Layer layer = Conv(16, 16, 3, 1, 28);
  layer.macs = INT64_MAX;
  layer.parameters = INT64_MAX;
  for (const Pricing& pricing : Pricings()) {
    const LayerCost cost = CostOf(layer, pricing);
    EXPECT_GT(cost.train_ps, INT64_MAX / 1000) << NameOf(pricing);
    EXPECT_LE(cost.evaluate_ps, cost.train_ps) << NameOf(pricing);
  }
}

TEST(CostTableTest, OnlyTablesThatWereMeasuredAreKnown) {
  for (const int64_t version :
       {int64_t{-1}, int64_t{0}, kCostTableVersion + 1, INT64_MAX}) {
    EXPECT_FALSE(IsCostTable(version)) << version;
  }
  for (const Pricing& pricing : Pricings()) {
    EXPECT_TRUE(IsCostTable(pricing.version));
  }
}

// What some networks of EveryOperation(stride) cost with batches of a size; the
// sum over all of stride 1 stands for the others.
struct Priced {
  int64_t stride;
  int64_t rank;
  int64_t train_ns;
  int64_t evaluate_ns;
};

LayerPlan PlanOf(int64_t stride, int64_t rank, const Pricing& pricing) {
  const SearchSpace space = testing::EveryOperation(stride);
  return *MakeLayerPlan(space, space.ArchitectureAt(rank), testing::kFashion,
                        10, {}, pricing);
}

void ExpectPrices(const Pricing& pricing, absl::Span<const Priced> all,
                  int64_t train_ns_of_all, int64_t evaluate_ns_of_all) {
  SCOPED_TRACE(NameOf(pricing));
  for (const Priced& priced : all) {
    const LayerPlan plan = PlanOf(priced.stride, priced.rank, pricing);
    EXPECT_EQ(plan.train_ns_per_example, priced.train_ns) << priced.rank;
    EXPECT_EQ(plan.evaluate_ns_per_example, priced.evaluate_ns) << priced.rank;
  }
  int64_t train_ns = 0;
  int64_t evaluate_ns = 0;
  for (int64_t rank = 0; rank < 192; ++rank) {
    const LayerPlan plan = PlanOf(1, rank, pricing);
    train_ns += plan.train_ns_per_example;
    evaluate_ns += plan.evaluate_ns_per_example;
  }
  EXPECT_EQ(train_ns, train_ns_of_all);
  EXPECT_EQ(evaluate_ns, evaluate_ns_of_all);
}

// What it cost in the release that opened the tasks: whoever works for one of
// them is paid as was promised. Never to be changed.
TEST(CostTableTest, TheFirstTablePricesAsItEverDid) {
  constexpr Priced kPriced[] = {{1, 17, 92811, 26222},  {1, 65, 64863, 12882},
                                {1, 113, 63192, 33520}, {1, 161, 23876, 4105},
                                {2, 17, 40964, 9714},   {2, 65, 31490, 5860},
                                {2, 113, 34561, 11060}, {2, 161, 28364, 4762}};
  for (const int64_t batch : {0, 1, 128}) {
    ExpectPrices({.version = 1, .batch_size = batch}, kPriced, 17851121,
                 4179469);
  }
}

TEST(CostTableTest, TheSecondTablePricesAsItEverDid) {
  constexpr Priced kOfBatch1[] = {
      {1, 17, 94186, 32158}, {1, 65, 42656, 13619}, {2, 161, 16192, 4916}};
  ExpectPrices({.version = 2, .batch_size = 1}, kOfBatch1, 10976152, 3665311);
  constexpr Priced kOfBatch32[] = {
      {1, 17, 100087, 32158}, {1, 113, 31731, 9821}, {2, 65, 19738, 5910}};
  ExpectPrices({.version = 2, .batch_size = 32}, kOfBatch32, 13968399, 3665311);
}

// A step has its costs whatever its examples: where a network is small beside
// its weights, one example a step costs many times what it costs among many.
TEST(CostTableTest, TheCostsOfAStepAreSharedByItsExamples) {
  const auto train_ps = [](const Layer& layer, int64_t batch) {
    return CostOf(layer, {.batch_size = batch}).train_ps;
  };
  const Layer weights = Conv(64, 64, 3, 1, 1);
  EXPECT_GT(train_ps(weights, 1), 3 * train_ps(weights, 64));
  EXPECT_GT(train_ps(weights, 64), train_ps(weights, 1024));
  EXPECT_GT(StepTrainPs({.batch_size = 1}), 0);
  EXPECT_EQ(StepTrainPs({.batch_size = 1}) / 100,
            StepTrainPs({.batch_size = 100}));
  EXPECT_EQ(StepTrainPs({.version = 1, .batch_size = 1}), 0);
  // None said: as the largest that was measured.
  EXPECT_EQ(train_ps(weights, 0), train_ps(weights, 128));
}

TEST(CostTableTest, BetweenMeasuredBatchesThePriceLiesBetweenTheirs) {
  for (const int64_t side : {1, 4, 7, 14, 28}) {
    const Layer layer = Conv(32, 32, 3, 1, side);
    for (const auto& [low, high] : {std::pair(1, 8), std::pair(8, 128)}) {
      const int64_t a = CostOf(layer, {.batch_size = low}).train_ps;
      const int64_t b = CostOf(layer, {.batch_size = high}).train_ps;
      for (int64_t batch = low; batch <= high; ++batch) {
        const int64_t here = CostOf(layer, {.batch_size = batch}).train_ps;
        // A step's part falls faster than a rate moves.
        EXPECT_LE(here, std::max(a, b));
        EXPECT_GE(2 * here, std::min(a, b));
      }
    }
  }
}

TEST(TrialWorkUnitsTest, CountsTrainingAndOneEvaluationInMicroseconds) {
  LayerPlan plan;
  plan.train_ns_per_example = 1500;
  plan.evaluate_ns_per_example = 400;
  EXPECT_EQ(TrialWorkUnits(plan, 1000, 3, 100), 4500 + 40);
  EXPECT_EQ(TrialWorkUnits(plan, 0, 3, 0), 0);
  // Rounded up once, at the end: 1,500 ns + 400 ns make 2 units.
  EXPECT_EQ(TrialWorkUnits(plan, 1, 1, 1), 2);
}

TEST(TrialWorkUnitsTest, SaturatesBeyond64Bits) {
  LayerPlan plan;
  plan.train_ns_per_example = INT64_MAX;
  plan.evaluate_ns_per_example = INT64_MAX;
  EXPECT_EQ(TrialWorkUnits(plan, INT64_MAX, INT64_MAX, INT64_MAX), INT64_MAX);
  // Past 64 bits on the way, inside them in the end.
  plan.train_ns_per_example = int64_t{1} << 40;
  plan.evaluate_ns_per_example = 0;
  EXPECT_EQ(TrialWorkUnits(plan, int64_t{1} << 15, 1000, 0), int64_t{1} << 55);
}

}  // namespace
}  // namespace archpool
