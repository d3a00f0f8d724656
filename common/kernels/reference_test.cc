// SPDX-License-Identifier: Apache-2.0
// The arithmetic against double precision, against its own promises, and
// against the bits that everybody must reach.
#include "common/kernels/reference.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <map>
#include <string>

#include "common/base/counter_rng.h"
#include "common/crypto/sha256.h"
#include "common/kernels/arithmetic.h"
#include "gtest/gtest.h"

namespace archpool::kernels::reference {
namespace {

// Between −1 and 1.
Values Random(uint64_t seed, int64_t count) {
  CounterRng rng(seed, 0);
  Values values(static_cast<size_t>(count));
  for (float& value : values) value = 2.0f * rng.NextUnitFloat() - 1.0f;
  return values;
}

Layer ConvOf(int64_t side, int64_t in, int64_t out, int64_t kernel,
             int64_t stride, bool is_depthwise = false) {
  const int64_t to = (side - 1) / stride + 1;
  return {.kind = LayerKind::kConv,
          .kernel = kernel,
          .stride = stride,
          .groups = is_depthwise ? in : 1,
          .input_shape = {in, side, side},
          .output_shape = {is_depthwise ? in : out, to, to}};
}

std::vector<Layer> Convolutions() {
  return {ConvOf(5, 1, 3, 3, 1),       ConvOf(6, 3, 2, 3, 2),
          ConvOf(4, 2, 5, 1, 1),       ConvOf(7, 2, 2, 5, 2),
          ConvOf(5, 4, 4, 3, 1, true), ConvOf(6, 3, 3, 5, 2, true),
          ConvOf(1, 3, 2, 3, 1),       ConvOf(40, 1, 1, 3, 1)};
}

int64_t WeightsOf(const Layer& layer) {
  return layer.output_shape.channels *
         (layer.input_shape.channels / layer.groups) * layer.kernel *
         layer.kernel;
}

// All three directions at once in double, as the sum over every product of an
// input, a weight and an output's gradient.
struct InDouble {
  std::vector<double> output, input_gradient, weight_gradient;
};
InDouble Convolve(const Layer& layer, int64_t examples, View x, View w,
                  View g) {
  InDouble sums{std::vector<double>(g.size()), std::vector<double>(x.size()),
                std::vector<double>(w.size())};
  const TensorShape& in = layer.input_shape;
  const TensorShape& out = layer.output_shape;
  const int64_t per_group = in.channels / layer.groups;
  const int64_t padding = (layer.kernel - 1) / 2;
  size_t at = 0;
  for (int64_t n = 0; n < examples; ++n)
    for (int64_t y = 0; y < out.height; ++y)
      for (int64_t xo = 0; xo < out.width; ++xo)
        for (int64_t o = 0; o < out.channels; ++o, ++at)
          for (int64_t i = 0; i < per_group; ++i)
            for (int64_t u = 0; u < layer.kernel; ++u)
              for (int64_t v = 0; v < layer.kernel; ++v) {
                const int64_t row = y * layer.stride + u - padding;
                const int64_t column = xo * layer.stride + v - padding;
                if (row < 0 || row >= in.height || column < 0 ||
                    column >= in.width) {
                  continue;
                }
                const int64_t c = layer.groups > 1 ? o : i;
                const auto from = static_cast<size_t>(
                    ((n * in.height + row) * in.width + column) * in.channels +
                    c);
                const auto weight = static_cast<size_t>(
                    ((o * per_group + i) * layer.kernel + u) * layer.kernel +
                    v);
                sums.output[at] += double{x[from]} * double{w[weight]};
                sums.input_gradient[from] += double{g[at]} * double{w[weight]};
                sums.weight_gradient[weight] += double{g[at]} * double{x[from]};
              }
  return sums;
}

void ExpectNear(const Values& values, const std::vector<double>& expected,
                double tolerance) {
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_NEAR(double{values[i]}, expected[i], tolerance) << "at " << i;
  }
}

TEST(ReferenceTest, ConvolutionsAreWhatDoublePrecisionSays) {
  uint64_t seed = 0;
  for (const Layer& layer : Convolutions()) {
    constexpr int64_t kExamples = 5;
    const Values x = Random(++seed, kExamples * layer.input_shape.elements());
    const Values w = Random(++seed, WeightsOf(layer));
    const Values g = Random(++seed, kExamples * layer.output_shape.elements());
    const InDouble expected = Convolve(layer, kExamples, x, w, g);
    ExpectNear(ConvForward(layer, kExamples, x, w), expected.output, 1e-5);
    ExpectNear(ConvInputGradient(layer, kExamples, g, w),
               expected.input_gradient, 1e-5);
    ExpectNear(ConvWeightGradient(layer, kExamples, x, g),
               expected.weight_gradient, 1e-3);
  }
}

// What lies outside may be left out or multiplied by: the same bits.
TEST(ReferenceTest, PaddingMayBeSkippedOrMultiplied) {
  const Layer padded = ConvOf(5, 2, 3, 3, 1);
  Layer wide = padded;  // the same map with a ring of zeros around it
  wide.input_shape = {2, 7, 7};
  wide.output_shape = {3, 7, 7};
  Values x = Random(1, padded.input_shape.elements());
  for (size_t i = 0; i < x.size(); i += 3) x[i] = -0.0f;
  const Values w = Random(2, WeightsOf(padded));
  Values ringed(static_cast<size_t>(wide.input_shape.elements()));
  for (size_t y = 0; y < 5; ++y) {
    for (size_t i = 0; i < 10; ++i) {
      ringed[(y + 1) * 14 + 2 + i] = x[y * 10 + i];
    }
  }
  const Values skipped = ConvForward(padded, 1, x, w);
  const Values multiplied = ConvForward(wide, 1, ringed, w);
  for (size_t y = 0; y < 5; ++y) {
    EXPECT_EQ(std::memcmp(&skipped[y * 15], &multiplied[(y + 1) * 21 + 3],
                          15 * sizeof(float)),
              0);
  }
}

TEST(ReferenceTest, LinearLayersAreConvolutionsOfOnePixel) {
  Layer conv = ConvOf(1, 6, 4, 1, 1);
  Layer linear = conv;
  linear.kind = LayerKind::kLinear;
  const Values x = Random(1, 20 * 6);
  const Values w = Random(2, 24);
  const Values g = Random(3, 20 * 4);
  EXPECT_EQ(LinearForward(linear, 20, x, w, Values(4)),
            ConvForward(conv, 20, x, w));
  EXPECT_EQ(LinearInputGradient(linear, 20, g, w),
            ConvInputGradient(conv, 20, g, w));
  EXPECT_EQ(LinearWeightGradient(linear, 20, x, g),
            ConvWeightGradient(conv, 20, x, g));
  EXPECT_EQ(LinearBiasGradient(linear, 20, g).size(), 4u);
}

// A mean of a thousand deviations cancels nothing.
TEST(ReferenceTest, BatchNormsAreWhatDoublePrecisionSays) {
  constexpr size_t kChannels = 3;
  constexpr size_t kRows = 1'000;
  for (const float center : {0.0f, 1'000.0f}) {
    Values x = Random(1, kChannels * kRows);
    for (float& value : x) value += center;
    const Values g = Random(2, kChannels * kRows);
    const Values scale = {1.0f, 0.5f, -2.0f};
    const Values shift = {0.0f, 1.0f, -1.0f};
    Values mean(kChannels);
    Values variance(kChannels, 1.0f);
    BatchStatistics statistics;
    const Values y = BatchNormForward(
        x, {scale, shift, absl::MakeSpan(mean), absl::MakeSpan(variance)},
        statistics);
    const BatchNormGradients d = BatchNormBackward(x, g, scale, statistics);
    for (size_t c = 0; c < kChannels; ++c) {
      double sum = 0, squares = 0, of_g = 0, of_products = 0;
      for (size_t r = 0; r < kRows; ++r) sum += double{x[r * kChannels + c]};
      const double m = sum / kRows;
      for (size_t r = 0; r < kRows; ++r) {
        const size_t at = r * kChannels + c;
        squares += (double{x[at]} - m) * (double{x[at]} - m);
        of_g += double{g[at]};
        of_products += double{g[at]} * (double{x[at]} - m);
      }
      const double inverse = 1 / std::sqrt(squares / kRows + 1e-5);
      EXPECT_NEAR(double{mean[c]}, 0.1 * m, 1e-4);
      EXPECT_NEAR(double{variance[c]}, 0.9 + 0.1 * squares / (kRows - 1), 1e-5);
      EXPECT_NEAR(double{d.shift[c]}, of_g, 1e-3);
      EXPECT_NEAR(double{d.scale[c]}, of_products * inverse, 1e-2);
      for (size_t r = 0; r < kRows; ++r) {
        const size_t at = r * kChannels + c;
        const double z = (double{x[at]} - m) * inverse;
        ASSERT_NEAR(double{y[at]}, z * double{scale[c]} + double{shift[c]},
                    2e-4);
        ASSERT_NEAR(double{d.input[at]},
                    double{scale[c]} * inverse *
                        (double{g[at]} - of_g / kRows -
                         z * of_products * inverse / kRows),
                    2e-4);
      }
    }
  }
}

TEST(ReferenceTest, ExponentialsLieWithinTwoUnitsInTheLastPlace) {
  double worst = 0;
  for (float x = -86.9f; x < 87.9f; x += 0.00317f) {
    const double expected = std::exp(double{x});
    const double unit = std::ldexp(1.0, std::ilogb(expected) - 23);
    worst = std::max(worst, std::abs(double{Exp(x)} - expected) / unit);
  }
  EXPECT_LT(worst, 2.0);
  EXPECT_EQ(Exp(0.0f), 1.0f);
  EXPECT_EQ(Exp(-1e30f), Exp(-87.0f));
  EXPECT_EQ(Exp(1e30f), Exp(88.0f));
  EXPECT_TRUE(std::isnan(Exp(std::nanf(""))));
}

// Against differences in double of the functions' definitions.
TEST(ReferenceTest, ActivationsAndTheirGradients) {
  const auto in_double = [](LayerKind kind, double x) {
    if (kind == LayerKind::kRelu) return std::max(x, 0.0);
    if (kind == LayerKind::kSilu) return x / (1 + std::exp(-x));
    return x * std::clamp(x + 3, 0.0, 6.0) / 6;
  };
  for (const LayerKind kind :
       {LayerKind::kRelu, LayerKind::kHardswish, LayerKind::kSilu}) {
    for (float x = -7.97f; x < 8; x += 0.05f) {
      const double at{x};
      EXPECT_NEAR(double{Activate(kind, x)}, in_double(kind, at), 1e-6);
      const double slope =
          (in_double(kind, at + 1e-6) - in_double(kind, at - 1e-6)) / 2e-6;
      EXPECT_NEAR(double{ActivationGradient(kind, x, 2.0f)}, 2 * slope, 1e-5);
    }
  }
}

TEST(ReferenceTest, PoolingTakesWhatLiesInside) {
  const Layer largest = {.kind = LayerKind::kMaxPool,
                         .kernel = 3,
                         .stride = 2,
                         .input_shape = {1, 3, 3},
                         .output_shape = {1, 2, 2}};
  const Values x = {1, 2, 3, 4, 9, 6, 7, 8, 5};
  EXPECT_EQ(PoolForward(largest, 1, x), (Values{9, 9, 9, 9}));
  EXPECT_EQ(PoolInputGradient(largest, 1, x, Values{1, 2, 3, 4}),
            (Values{0, 0, 0, 0, 10, 0, 0, 0, 0}));
  // Of equal ones, the first has the gradient.
  EXPECT_EQ(PoolInputGradient(largest, 1, Values(9, 5.0f), Values{1, 2, 3, 4}),
            (Values{1, 2, 0, 3, 4, 0, 0, 0, 0}));
  Layer average = largest;
  average.kind = LayerKind::kAvgPool;
  EXPECT_EQ(PoolForward(average, 1, x), (Values{4, 5, 7, 7}));
  Layer all = largest;
  all.kind = LayerKind::kGlobalAvgPool;
  all.output_shape = {1, 1, 1};
  EXPECT_EQ(PoolForward(all, 1, x), Values{5});
  EXPECT_EQ(PoolInputGradient(all, 1, x, Values{9}), Values(9, 1.0f));
}

TEST(ReferenceTest, TheLossGradientIsThatOfCrossEntropy) {
  const Values logits = Random(1, 12);
  const std::vector<uint8_t> labels = {2, 0, 1};
  const Values gradient = LossGradient(4, logits, labels, 0.1);
  for (size_t n = 0; n < 3; ++n) {
    double sum = 0;
    for (size_t c = 0; c < 4; ++c) sum += std::exp(double{logits[n * 4 + c]});
    for (size_t c = 0; c < 4; ++c) {
      const double target = 0.1 / 4 + (c == labels[n] ? 0.9 : 0);
      EXPECT_NEAR(double{gradient[n * 4 + c]},
                  (std::exp(double{logits[n * 4 + c]}) / sum - target) / 3,
                  1e-7);
    }
  }
}

TEST(ReferenceTest, AVelocityNeverBecomesDenormal) {
  Values velocity = {0x1p-99f};
  Values weight = {1.0f};
  const Values gradient = {0.0f};
  OptimizerStep({.rate = 0.1f, .momentum = 0.4f}, gradient,
                absl::MakeSpan(velocity), absl::MakeSpan(weight));
  EXPECT_EQ(std::bit_cast<uint32_t>(velocity[0]), 0u);
}

TEST(ArithmeticTest, BlocksFollowFromBatchPixelsAndSums) {
  EXPECT_EQ(Blocking(128, 784, 1'000).blocks, 16);
  EXPECT_EQ(Blocking(128, 784, 1'000).examples_per_block, 8);
  EXPECT_EQ(Blocking(5, 1'024, 1'000).blocks, 4);
  EXPECT_EQ(Blocking(5, 1'024, 1'000).examples_per_block, 2);
  EXPECT_EQ(Blocking(5, 819, 1'000).blocks, 2);
  EXPECT_EQ(Blocking(128, 784, 1 << 21).blocks, 2);
  EXPECT_EQ(Blocking(128, 784, 1 << 23).blocks, 1);
  EXPECT_EQ(Blocking(128, 16, 1'000).blocks, 2);
  EXPECT_EQ(Blocking(1, 1'000'000, 1).blocks, 1);
}

// 2²⁴ and ones: what each addition loses shows which were made.
TEST(ArithmeticTest, SumsAreMadeInTheirOrder) {
  EXPECT_EQ(Tree<float>({0x1p24f, 1, 1, 0}), 0x1p24f);
  EXPECT_EQ(Tree<float>({1, 1, 0x1p24f}), 0x1p24f + 2);
  EXPECT_EQ(Tree<float>({7}), 7);
  // Two blocks of one example of 2,048 pixels: four runs of 1,024.
  const auto sum = [](int64_t ones_from) {
    return BlockedSum(2, 2, 1'024, 1,
                      [&](Chain& chain, int64_t n, int64_t y, int64_t x) {
                        const int64_t pixel = (n * 2 + y) * 1'024 + x;
                        if (pixel == 0) chain.Add(0x1p24f);
                        if (pixel == ones_from || pixel == ones_from + 1) {
                          chain.Add(1.0f);
                        }
                      });
  };
  EXPECT_EQ(sum(1), 0x1p24f) << "one chain: each is lost";
  EXPECT_EQ(sum(1'024), 0x1p24f + 2) << "a run of its own";
  EXPECT_EQ(sum(1'023), 0x1p24f) << "one in each run";
  EXPECT_EQ(sum(2'048), 0x1p24f + 2) << "a block of its own";
  Chain nothing;
  nothing.Add(-0.0f);
  EXPECT_FALSE(std::signbit(nothing.End()));
}

std::string DigestOf(const Values& values) {
  std::string bytes;
  for (const float value : values) {
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) {
      bytes.push_back(static_cast<char>(bits >> shift & 0xff));
    }
  }
  return Sha256(bytes).ToString().substr(0, 16);
}

// Whatever compiles this, on whatever machine, must reach these.
TEST(ReferenceTest, EverybodyReachesTheseBits) {
  std::map<std::string, std::string> digests;
  uint64_t seed = 100;
  for (const Layer& layer : Convolutions()) {
    const std::string name = "conv " + std::to_string(seed);
    const Values x = Random(++seed, 20 * layer.input_shape.elements());
    const Values w = Random(++seed, WeightsOf(layer));
    const Values g = Random(++seed, 20 * layer.output_shape.elements());
    Values all = ConvForward(layer, 20, x, w);
    for (const Values& more : {ConvInputGradient(layer, 20, g, w),
                               ConvWeightGradient(layer, 20, x, g)}) {
      all.insert(all.end(), more.begin(), more.end());
    }
    digests[name] = DigestOf(all);
  }
  const Values x = Random(1, 3 * 5'000);
  const Values g = Random(2, 3 * 5'000);
  const Values scale = {1.0f, 0.5f, -2.0f};
  Values mean(3);
  Values variance(3, 1.0f);
  BatchStatistics statistics;
  Values norm = BatchNormForward(
      x, {scale, scale, absl::MakeSpan(mean), absl::MakeSpan(variance)},
      statistics);
  const BatchNormGradients d = BatchNormBackward(x, g, scale, statistics);
  for (const Values& more : {mean, variance, d.input, d.scale, d.shift}) {
    norm.insert(norm.end(), more.begin(), more.end());
  }
  digests["batch norm"] = DigestOf(norm);
  Values pointwise;
  for (float v = -9; v < 9; v += 0.01f) {
    pointwise.push_back(Exp(v * 10));
    for (const LayerKind kind : {LayerKind::kHardswish, LayerKind::kSilu}) {
      pointwise.push_back(Activate(kind, v));
      pointwise.push_back(ActivationGradient(kind, v, 1.5f));
    }
  }
  digests["pointwise"] = DigestOf(pointwise);
  digests["loss"] = DigestOf(
      LossGradient(10, Random(3, 1'000), std::vector<uint8_t>(100, 3), 0.05));
  EXPECT_EQ(digests, (std::map<std::string, std::string>{
                         {"batch norm", "11c8304d9fbf6910"},
                         {"conv 100", "9cc5c1f3720394c3"},
                         {"conv 103", "a42d1c87f21af68b"},
                         {"conv 106", "cfd182b35c86b674"},
                         {"conv 109", "4ba7807f8d5f8d52"},
                         {"conv 112", "c207aaa529f649c0"},
                         {"conv 115", "8820d732739e0eb0"},
                         {"conv 118", "05f0cad3a618dc31"},
                         {"conv 121", "e103c79d016eb2b9"},
                         {"loss", "75afeabbfbddebd1"},
                         {"pointwise", "7b8da3899f62a35a"}}));
}

}  // namespace
}  // namespace archpool::kernels::reference
