// SPDX-License-Identifier: Apache-2.0
// Batch norms of every set of instructions against the plain loops.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "common/base/counter_rng.h"
#include "common/kernels/arithmetic.h"
#include "common/kernels/inner/norm_statistics.h"
#include "common/kernels/inner/table.h"
#include "common/kernels/inner/test_maps.h"
#include "common/kernels/reference.h"
#include "common/kernels/simd.h"
#include "gtest/gtest.h"

namespace archpool::kernels {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Stands where no kernel may write.
constexpr float kUntouched = 12345.0f;

TestMap Empty(const Grid& grid, int64_t channels, int64_t border,
              int64_t distance = 0) {
  return {{channels, grid.rows, grid.columns},
          grid.examples,
          border,
          kUntouched,
          false,
          distance};
}

TestMap Filled(const Grid& grid, int64_t channels, View values) {
  return {{channels, grid.rows, grid.columns}, grid.examples, 0, values};
}

// The values; and everything else is as it was.
Values Checked(const TestMap& map) {
  EXPECT_TRUE(map.IsCleanAround()) << "written where it may not be";
  return map.Get();
}

// By channel, zeros behind.
class ByChannel {
 public:
  explicit ByChannel(int64_t channels, int64_t blocks = 1)
      : stride_(RoundUp(channels, kWeightStep)),
        floats_(static_cast<size_t>(stride_ * blocks + kSlack)) {}
  explicit ByChannel(View values)
      : ByChannel(static_cast<int64_t>(values.size())) {
    std::copy(values.begin(), values.end(), floats_.begin());
  }
  float* data() { return floats_.data(); }
  float* Block(int64_t block) { return data() + block * stride_; }
  int64_t stride() const { return stride_; }
  Values First(size_t count) const {
    return {floats_.begin(), floats_.begin() + static_cast<int64_t>(count)};
  }

 private:
  int64_t stride_;
  std::vector<float> floats_;
};

struct Case {
  Grid grid;
  int64_t channels = 1;
  int64_t border = 0;    // of the output
  int64_t distance = 0;  // behind the columns of the output
  LayerKind activation = LayerKind::kBatchNorm;
  int64_t rows() const { return grid.columns * grid.rows * grid.examples; }
};

Values Random(CounterRng& rng, int64_t count, float scale) {
  Values values(static_cast<size_t>(count));
  for (float& value : values) {
    value = scale * (2.0f * rng.NextUnitFloat() - 1.0f);
  }
  return values;
}

void ExpectSame(View expected, View actual, const char* what) {
  ASSERT_EQ(expected.size(), actual.size()) << what;
  const int64_t at = FirstDifference(expected, actual);
  if (at < 0) return;
  ADD_FAILURE() << what << " " << at << ": " << actual[static_cast<size_t>(at)]
                << " in place of " << expected[static_cast<size_t>(at)];
}

// What goes in, what the plain loops make of it, and whatever one set of
// instructions needs beside it.
struct Trial {
  Trial(const Case& of, uint64_t seed, float special) : it(of) {
    CounterRng rng(seed, 0);
    const int64_t count = it.rows() * it.channels;
    x = Random(rng, count, 5.0f);
    if (special != 0.0f) x[rng.Below(static_cast<uint32_t>(count))] = special;
    g = Random(rng, count, 1.0f);
    scale = Random(rng, it.channels, 2.0f);
    shift = Random(rng, it.channels, 3.0f);
    running = Random(rng, it.channels, 1.0f);
    Expect();
  }

  void Expect() {
    next_mean = running;
    next_variance = running;
    y = reference::BatchNormForward(
        x,
        {.scale = scale,
         .shift = shift,
         .running_mean = absl::MakeSpan(next_mean),
         .running_variance = absl::MakeSpan(next_variance)},
        statistics);
    Values of_norm = g;
    if (it.activation != LayerKind::kBatchNorm) {
      for (size_t i = 0; i < y.size(); ++i) {
        of_norm[i] = reference::ActivationGradient(it.activation, y[i], g[i]);
        y[i] = reference::Activate(it.activation, y[i]);
      }
    }
    gradients = reference::BatchNormBackward(x, of_norm, scale, statistics);
  }

  Case it;
  Values x, g, scale, shift, running;
  Values y, next_mean, next_variance;
  reference::BatchStatistics statistics;
  reference::BatchNormGradients gradients;
};

// One training step's forward and backward pass.
class Passes {
 public:
  Passes(const KernelTable& table, const Trial& trial)
      : table_(table),
        trial_(trial),
        it_(trial.it),
        in_(Filled(it_.grid, it_.channels, trial.x)),
        scale_(trial.scale),
        shift_(trial.shift),
        mean_(it_.channels),
        inverse_(it_.channels),
        factor_(it_.channels) {}

  void Forward() {
    const int64_t rows = it_.rows();
    const int64_t blocks = NormBlocks(rows);
    ByChannel sums(it_.channels, blocks);
    ByChannel squares(it_.channels, blocks);
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t begin = b * NormBlockRows(rows);
      table_.norm_sums({.rows = std::min(NormBlockRows(rows), rows - begin),
                        .in = in_.first() + begin * in_.strides().column,
                        .stride = in_.strides().column,
                        .channels = it_.channels,
                        .origin = in_.first(),
                        .sums = sums.Block(b),
                        .squares = squares.Block(b)});
    }
    ByChannel running(trial_.running);
    ByChannel next_mean(it_.channels);
    ByChannel next_variance(it_.channels);
    const bool is_finite =
        FinishNorm({.channels = it_.channels,
                    .sums = {rows, sums.data(), squares.data(), sums.stride()},
                    .origin = in_.first(),
                    .scale = scale_.data(),
                    .running_mean = running.data(),
                    .running_variance = running.data(),
                    .mean = mean_.data(),
                    .inverse = inverse_.data(),
                    .factor = factor_.data(),
                    .next_running_mean = next_mean.data(),
                    .next_running_variance = next_variance.data()});
    bool should_be = true;
    for (const Values& next : {trial_.next_mean, trial_.next_variance}) {
      for (const float value : next) {
        should_be = should_be && std::isfinite(value);
      }
    }
    EXPECT_EQ(is_finite, should_be);
    const size_t channels = trial_.scale.size();
    ExpectSame(trial_.statistics.mean, mean_.First(channels), "mean");
    ExpectSame(trial_.statistics.inverse, inverse_.First(channels), "inverse");
    ExpectSame(trial_.next_mean, next_mean.First(channels), "running mean");
    ExpectSame(trial_.next_variance, next_variance.First(channels),
               "running variance");

    TestMap out = Empty(it_.grid, it_.channels, it_.border, it_.distance);
    table_.norm({.grid = it_.grid,
                 .in = in_.first(),
                 .in_strides = in_.strides(),
                 .out = out.first(),
                 .out_strides = out.strides(),
                 .channels = it_.channels,
                 .mean = mean_.data(),
                 .factor = factor_.data(),
                 .shift = shift_.data(),
                 .activation = it_.activation});
    ExpectSame(trial_.y, Checked(out), "output");
  }

  void Backward() {
    TestMap gradient = Filled(it_.grid, it_.channels, trial_.g);
    const NormGradients found = SumGradients(gradient);
    TestMap out = Empty(it_.grid, it_.channels, it_.border, it_.distance);
    table_.norm_gradient({.grid = it_.grid,
                          .in = in_.first(),
                          .in_strides = in_.strides(),
                          .gradient = gradient.first(),
                          .out = out.first(),
                          .out_strides = out.strides(),
                          .channels = it_.channels,
                          .mean = mean_.data(),
                          .factor = factor_.data(),
                          .shift = shift_.data(),
                          .activation = it_.activation,
                          .of_gradient = found.of_gradient,
                          .of_value = found.of_value,
                          .constant = found.constant});
    ExpectSame(trial_.gradients.input, Checked(out), "gradient of the input");
    Checked(gradient);
  }

 private:
  NormGradients SumGradients(TestMap& gradient) {
    const int64_t rows = it_.rows();
    const int64_t blocks = NormBlocks(rows);
    const int64_t stride = in_.strides().column;
    ByChannel sums(it_.channels, blocks);
    ByChannel products(it_.channels, blocks);
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t begin = b * NormBlockRows(rows);
      table_.norm_gradient_sums(
          {.rows = std::min(NormBlockRows(rows), rows - begin),
           .in = in_.first() + begin * stride,
           .gradient = gradient.first() + begin * stride,
           .stride = stride,
           .channels = it_.channels,
           .mean = mean_.data(),
           .factor = factor_.data(),
           .shift = shift_.data(),
           .activation = it_.activation,
           .sums = sums.Block(b),
           .products = products.Block(b)});
    }
    results_.assign(5, ByChannel(it_.channels));
    const NormGradients found = {
        .channels = it_.channels,
        .sums = {rows, sums.data(), products.data(), sums.stride()},
        .scale = scale_.data(),
        .inverse = inverse_.data(),
        .of_gradient = results_[0].data(),
        .of_value = results_[1].data(),
        .constant = results_[2].data(),
        .scale_gradient = results_[3].data(),
        .shift_gradient = results_[4].data()};
    FinishNormGradient(found);
    const size_t channels = trial_.scale.size();
    ExpectSame(trial_.gradients.scale, results_[3].First(channels),
               "gradient of the scale");
    ExpectSame(trial_.gradients.shift, results_[4].First(channels),
               "gradient of the shift");
    return found;
  }

  const KernelTable& table_;
  const Trial& trial_;
  const Case& it_;
  TestMap in_;
  ByChannel scale_, shift_, mean_, inverse_, factor_;
  std::vector<ByChannel> results_;
};

std::string Describe(const Case& it, Simd simd) {
  return std::string(ToString(simd)) + ", " + ToString(it.activation) + ", " +
         std::to_string(it.grid.examples) + " x " +
         std::to_string(it.grid.rows) + " x " +
         std::to_string(it.grid.columns) + " x " + std::to_string(it.channels);
}

void ExpectPlainLoops(const Case& it, uint64_t seed, float special = 0.0f) {
  const Trial trial(it, seed, special);
  for (const Simd simd : SimdsHere()) {
    SCOPED_TRACE(Describe(it, simd));
    Passes passes(TableOf(simd), trial);
    passes.Forward();
    passes.Backward();
  }
}

constexpr LayerKind kActivations[] = {LayerKind::kBatchNorm, LayerKind::kRelu,
                                      LayerKind::kHardswish, LayerKind::kSilu};

TEST(NormTest, IsThePlainLoopsOnAnyShape) {
  CounterRng rng(1, 0);
  for (uint64_t seed = 0; seed < 160; ++seed) {
    Case it;
    it.grid = {1 + rng.Below(9), 1 + rng.Below(9), 1 + rng.Below(17)};
    it.channels = 1 + rng.Below(rng.Below(2) == 0 ? 9 : 70);
    it.border = rng.Below(3);
    it.distance = rng.Below(2) * kChannelStep;
    it.activation = kActivations[seed % 4];
    ExpectPlainLoops(it, seed);
  }
}

TEST(NormTest, IsThePlainLoopsOverManyBlocks) {
  // The last has blocks of more than 256 rows.
  const int64_t sides[][3] = {{8, 8, 4}, {31, 9, 3}, {32, 32, 129}};
  uint64_t seed = 0;
  for (const auto& [columns, rows, examples] : sides) {
    for (const int64_t channels : {8, 24, 3}) {
      const Case it = {.grid = {columns, rows, examples},
                       .channels = examples > 4 ? 3 : channels,
                       .border = 1,
                       .activation = kActivations[seed % 4]};
      ExpectPlainLoops(it, ++seed);
      if (examples > 4) break;
    }
  }
}

TEST(NormTest, WhatIsNotFiniteSpoilsItsChannelAlone) {
  uint64_t seed = 0;
  for (const LayerKind activation : kActivations) {
    for (const float special : {kNan, kInfinity, -kInfinity, 1e30f, -0.0f}) {
      const Case it = {.grid = {3, 5, 4},
                       .channels = 19,
                       .border = 1,
                       .activation = activation};
      ExpectPlainLoops(it, ++seed, special);
    }
  }
}

// Every pair of values that are special for one of the operations.
TEST(NormTest, ActivatesAnyValue) {
  const Values special = {
      0.0f,    -0.0f,       kNan,       kInfinity,   -kInfinity,   1e-40f,
      -1e-40f, 0x1p-100f,   -0x1p-100f, 0x1.fp-101f, -0x1.fp-101f, 3.0f,
      -3.0f,   -3.0000002f, 3.0000002f, 88.0f,       89.0f,        -87.0f,
      -88.0f,  1e38f,       -1e38f,     0.5f};
  const auto count = static_cast<int64_t>(special.size());
  const Grid grid = {.columns = count};
  constexpr int64_t kChannels = 27;
  Values x, g;
  for (const float value : special) {
    for (size_t c = 0; c < kChannels; ++c) {
      x.push_back(value);
      g.push_back(special[c % special.size()]);
    }
  }
  ByChannel zeros(kChannels);
  ByChannel ones{Values(kChannels, 1.0f)};
  for (const Simd simd : SimdsHere()) {
    for (const LayerKind kind : kActivations) {
      SCOPED_TRACE(ToString(simd));
      SCOPED_TRACE(ToString(kind));
      TestMap in = Filled(grid, kChannels, x);
      TestMap out = Empty(grid, kChannels, 1);
      TableOf(simd).norm({.grid = grid,
                          .in = in.first(),
                          .in_strides = in.strides(),
                          .out = out.first(),
                          .out_strides = out.strides(),
                          .channels = kChannels,
                          .mean = zeros.data(),
                          .factor = ones.data(),
                          .shift = zeros.data(),
                          .activation = kind});
      TestMap gradient = Filled(grid, kChannels, g);
      ByChannel sums(kChannels), products(kChannels);
      TableOf(simd).norm_gradient_sums({.rows = count,
                                        .in = in.first(),
                                        .gradient = gradient.first(),
                                        .stride = in.strides().column,
                                        .channels = kChannels,
                                        .mean = zeros.data(),
                                        .factor = ones.data(),
                                        .shift = zeros.data(),
                                        .activation = kind,
                                        .sums = sums.data(),
                                        .products = products.data()});
      Values y = x;
      Values of_norm = g;
      for (size_t i = 0; i < x.size(); ++i) {
        y[i] = WithoutTiny(x[i] - 0.0f + 0.0f);
        if (kind == LayerKind::kBatchNorm) continue;
        if (kind != LayerKind::kRelu) {  // whose gradient is not written back
          of_norm[i] = reference::ActivationGradient(kind, y[i], g[i]);
        }
        y[i] = reference::Activate(kind, y[i]);
      }
      ExpectSame(y, Checked(out), "output");
      ExpectSame(of_norm, Checked(gradient), "gradient");
      TestMap in_gradient = Empty(grid, kChannels, 0);
      TableOf(simd).norm_gradient({.grid = grid,
                                   .in = in.first(),
                                   .in_strides = in.strides(),
                                   .gradient = gradient.first(),
                                   .out = in_gradient.first(),
                                   .out_strides = in_gradient.strides(),
                                   .channels = kChannels,
                                   .mean = zeros.data(),
                                   .factor = ones.data(),
                                   .shift = zeros.data(),
                                   .activation = kind,
                                   .of_gradient = ones.data(),
                                   .of_value = zeros.data(),
                                   .constant = zeros.data()});
      for (size_t i = 0; i < x.size(); ++i) {
        if (kind == LayerKind::kRelu) of_norm[i] = y[i] > 0.0f ? g[i] : 0.0f;
        of_norm[i] = of_norm[i] + std::fma(x[i], 0.0f, 0.0f);
      }
      ExpectSame(of_norm, Checked(in_gradient), "gradient of the input");
    }
  }
}

}  // namespace
}  // namespace archpool::kernels
