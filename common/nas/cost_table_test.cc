#include "common/nas/cost_table.h"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/nas/cost_grid.h"
#include "gtest/gtest.h"

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

// The reason for the table: a depthwise multiply-accumulate costs many times a
// dense one.
TEST(CostTableTest, DepthwiseMacsCostMoreThanDenseOnes) {
  const Layer dense = Conv(64, 64, 3, 1, 14);
  const Layer depthwise = Conv(64, 64, 3, 64, 14);
  const auto per_mac = [](const Layer& layer) {
    return static_cast<double>(CostOf(layer).train_ps) /
           static_cast<double>(layer.macs);
  };
  EXPECT_GT(per_mac(depthwise), 4 * per_mac(dense));
}

TEST(CostTableTest, EveryKindCostsAndTrainingCostsMore) {
  for (int kind = 0; kind <= static_cast<int>(LayerKind::kLinear); ++kind) {
    for (const int64_t kernel : {1, 3, 5, 7, 9, 11}) {
      Layer layer = Conv(32, 32, kernel, 1, 14);
      layer.kind = static_cast<LayerKind>(kind);
      const LayerCost cost = CostOf(layer);
      EXPECT_GT(cost.evaluate_ps, 0) << ToString(layer.kind);
      EXPECT_GT(cost.train_ps, cost.evaluate_ps) << ToString(layer.kind);
    }
  }
}

// Four times the work along any axis never costs less: a table with an outlier
// would pay small networks above large ones.
TEST(CostTableTest, LargerLayersCostMore) {
  for (const int64_t kernel : {1, 3, 5, 7}) {
    for (const int64_t channels : {8, 16, 32, 64, 128}) {
      for (const int64_t side : {4, 7, 14}) {
        const int64_t dense =
            CostOf(Conv(channels, channels, kernel, 1, side)).train_ps;
        EXPECT_LT(
            dense,
            CostOf(Conv(4 * channels, channels, kernel, 1, side)).train_ps);
        EXPECT_LT(
            dense,
            CostOf(Conv(channels, 4 * channels, kernel, 1, side)).train_ps);
        EXPECT_LT(
            dense,
            CostOf(Conv(channels, channels, kernel, 1, 2 * side)).train_ps);
        const int64_t depthwise =
            CostOf(Conv(channels, channels, kernel, channels, side)).train_ps;
        EXPECT_LT(depthwise, CostOf(Conv(4 * channels, 4 * channels, kernel,
                                         4 * channels, side))
                                 .train_ps);
      }
    }
  }
}

TEST(CostTableTest, CostsSaturateInsteadOfOverflowing) {
  Layer layer = Conv(16, 16, 3, 1, 28);
  layer.macs = INT64_MAX;
  EXPECT_GT(CostOf(layer).train_ps, INT64_MAX / 1000);
  EXPECT_LE(CostOf(layer).evaluate_ps, CostOf(layer).train_ps);
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
