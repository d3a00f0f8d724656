// SPDX-License-Identifier: Apache-2.0
// Convolutions of each channel by itself against the reference, bit for bit.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/base/sanitized.h"
#include "common/kernels/arithmetic.h"
#include "common/kernels/inner/table.h"
#include "common/kernels/inner/test_maps.h"
#include "common/kernels/reference.h"
#include "common/kernels/simd.h"
#include "gtest/gtest.h"

namespace archpool::kernels {
namespace {

constexpr float kUnwritten = 7.0f;

struct Case {
  Layer layer;
  int64_t examples;
  std::string name;
};

Case CaseOf(int64_t height, int64_t width, int64_t channels, int64_t kernel,
            int64_t stride, int64_t examples) {
  const Layer layer = {.kind = LayerKind::kConv,
                       .kernel = kernel,
                       .stride = stride,
                       .groups = channels,
                       .input_shape = {channels, height, width},
                       .output_shape = {channels, (height - 1) / stride + 1,
                                        (width - 1) / stride + 1}};
  return {layer, examples,
          std::to_string(examples) + " maps of " + std::to_string(height) +
              "x" + std::to_string(width) + "x" + std::to_string(channels) +
              ", kernel " + std::to_string(kernel) + ", stride " +
              std::to_string(stride)};
}

std::vector<Case> Cases() {
  // Two runs of pixels in a block, and one run longer than most.
  std::vector<Case> cases = {CaseOf(40, 33, 9, 3, 1, 1),
                             CaseOf(20, 70, 8, 5, 2, 3),
                             CaseOf(2, 1'100, 3, 3, 1, 2)};
  CounterRng rng(1, 0);
  const auto draw = [&rng](uint32_t least, uint32_t most) {
    return int64_t{least} + rng.Below(most - least + 1);
  };
  for (int64_t kernel = 1; kernel <= 11; ++kernel) {
    // The reference under sanitizers takes ten times as long.
    const int often = kIsSanitized ? 4 : 16;
    const int times = kernel == 3 || kernel == 5 ? often : 3;
    for (int i = 0; i < times; ++i) {
      for (int64_t stride = 1; stride <= 2; ++stride) {
        cases.push_back(CaseOf(draw(1, 19), draw(1, 19), draw(2, 40), kernel,
                               stride, draw(1, i == 0 ? 17 : 3)));
      }
    }
  }
  return cases;
}

// The reference has [channel][tap], kernels [tap][channel] with spare ones.
Values Pack(const Case& of, View weights) {
  const int64_t channels = of.layer.groups;
  const int64_t taps = of.layer.kernel * of.layer.kernel;
  const int64_t stride = RoundUp(channels, kWeightStep);
  Values packed(static_cast<size_t>(taps * stride + kSlack));
  for (int64_t tap = 0; tap < taps; ++tap) {
    for (int64_t c = 0; c < channels; ++c) {
      packed[static_cast<size_t>(tap * stride + c)] =
          weights[static_cast<size_t>(c * taps + tap)];
    }
  }
  return packed;
}

std::vector<int64_t> Offsets(const Layer& layer, const Strides& strides) {
  const int64_t padding = (layer.kernel - 1) / 2;
  std::vector<int64_t> offsets;
  for (int64_t u = 0; u < layer.kernel; ++u) {
    for (int64_t v = 0; v < layer.kernel; ++v) {
      offsets.push_back((u - padding) * strides.row +
                        (v - padding) * strides.column);
    }
  }
  return offsets;
}

Strides Times(int64_t factor, const Strides& strides) {
  return {factor * strides.column, factor * strides.row, strides.example};
}

void ExpectForward(const Case& of, const KernelTable& table, View input,
                   View weights) {
  const Layer& layer = of.layer;
  const TestMap in(layer.input_shape, of.examples, layer.kernel, input);
  TestMap out(layer.output_shape, of.examples, 1, kUnwritten);
  const Values packed = Pack(of, weights);
  const std::vector<int64_t> offsets = Offsets(layer, in.strides());
  table.depthwise(
      {.grid = {layer.output_shape.width, layer.output_shape.height,
                of.examples},
       .in = in.first(),
       .in_strides = Times(layer.stride, in.strides()),
       .out = out.first(),
       .out_strides = out.strides(),
       .taps = {offsets.data(), static_cast<int64_t>(offsets.size())},
       .weights = packed.data(),
       .weights_stride = RoundUp(layer.groups, kWeightStep),
       .channels = layer.groups});
  EXPECT_EQ(FirstDifference(out.Get(), reference::ConvForward(
                                           layer, of.examples, input, weights)),
            -1)
      << "forward";
  EXPECT_TRUE(out.IsCleanAround());
}

// The taps of those inputs whose row and column leave these remainders, and
// their weights.
std::pair<std::vector<int64_t>, Values> TapsOfPhase(const Case& of,
                                                    const TestMap& gradient,
                                                    View packed, int64_t row,
                                                    int64_t column) {
  const Layer& layer = of.layer;
  const int64_t padding = (layer.kernel - 1) / 2;
  const auto stride = static_cast<size_t>(RoundUp(layer.groups, kWeightStep));
  std::vector<int64_t> offsets;
  Values weights;
  for (int64_t u = 0; u < layer.kernel; ++u) {
    for (int64_t v = 0; v < layer.kernel; ++v) {
      const int64_t down = row + padding - u;
      const int64_t right = column + padding - v;
      if (down % layer.stride != 0 || right % layer.stride != 0) continue;
      offsets.push_back(down / layer.stride * gradient.strides().row +
                        right / layer.stride * gradient.strides().column);
      const View of_tap = packed.subspan(
          static_cast<size_t>(u * layer.kernel + v) * stride, stride);
      weights.insert(weights.end(), of_tap.begin(), of_tap.end());
    }
  }
  weights.resize(weights.size() + kSlack);
  return {offsets, weights};
}

void ExpectInputGradient(const Case& of, const KernelTable& table,
                         View gradient, View weights) {
  const Layer& layer = of.layer;
  const TestMap g(layer.output_shape, of.examples, layer.kernel, gradient);
  TestMap out(layer.input_shape, of.examples, 1, kUnwritten);
  const Values packed = Pack(of, weights);
  for (int64_t row = 0; row < layer.stride; ++row) {
    for (int64_t column = 0; column < layer.stride; ++column) {
      const auto [offsets, of_taps] = TapsOfPhase(of, g, packed, row, column);
      const Strides& to = out.strides();
      table.depthwise(
          {.grid = {(layer.input_shape.width - column + layer.stride - 1) /
                        layer.stride,
                    (layer.input_shape.height - row + layer.stride - 1) /
                        layer.stride,
                    of.examples},
           .in = g.first(),
           .in_strides = g.strides(),
           .out = out.first() + row * to.row + column * to.column,
           .out_strides = Times(layer.stride, to),
           .taps = {offsets.data(), static_cast<int64_t>(offsets.size())},
           .weights = of_taps.data(),
           .weights_stride = RoundUp(layer.groups, kWeightStep),
           .channels = layer.groups});
    }
  }
  EXPECT_EQ(
      FirstDifference(out.Get(), reference::ConvInputGradient(
                                     layer, of.examples, gradient, weights)),
      -1)
      << "gradient of the input";
  EXPECT_TRUE(out.IsCleanAround());
}

void ExpectWeightGradient(const Case& of, const KernelTable& table, View input,
                          View gradient) {
  const Layer& layer = of.layer;
  const TestMap in(layer.input_shape, of.examples, layer.kernel, input);
  const TestMap g(layer.output_shape, of.examples, 0, gradient);
  const std::vector<int64_t> offsets = Offsets(layer, in.strides());
  const auto taps = static_cast<int64_t>(offsets.size());
  const int64_t stride = RoundUp(layer.groups, kWeightStep);
  const Blocking blocking(of.examples,
                          layer.output_shape.height * layer.output_shape.width,
                          layer.groups * taps);
  const int64_t rows = layer.output_shape.height;
  std::vector<Values> blocks;
  Values chains(static_cast<size_t>(taps * stride + kSlack), kUnwritten);
  for (int64_t n = 0; n < of.examples; n += blocking.examples_per_block) {
    const int64_t end_row =
        std::min(n + blocking.examples_per_block, of.examples) * rows;
    Values& sums = blocks.emplace_back(
        static_cast<size_t>(taps * stride + kSlack), kUnwritten);
    table.depthwise_sums({.columns = layer.output_shape.width,
                          .rows_per_example = rows,
                          .block_first_row = n * rows,
                          .block_end_row = end_row,
                          .first_row = n * rows,
                          .end_row = end_row,
                          .rows_per_run = std::max<int64_t>(
                              1, kRunPixels / layer.output_shape.width),
                          .in = in.first(),
                          .in_strides = Times(layer.stride, in.strides()),
                          .gradient = g.first(),
                          .gradient_strides = g.strides(),
                          .taps = {offsets.data(), taps},
                          .depth = 1,
                          .outputs = layer.groups,
                          .sums = sums.data(),
                          .sums_stride = stride,
                          .scratch = chains.data()});
  }
  Values result;
  for (int64_t c = 0; c < stride; ++c) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      Values of_blocks;
      for (const Values& sums : blocks) {
        of_blocks.push_back(sums[static_cast<size_t>(tap * stride + c)]);
      }
      const float sum = Tree(of_blocks);
      if (c < layer.groups) result.push_back(sum);
      EXPECT_TRUE(c < layer.groups || AreSame(sum, 0.0f)) << "behind";
    }
  }
  EXPECT_EQ(FirstDifference(result, reference::ConvWeightGradient(
                                        layer, of.examples, input, gradient)),
            -1)
      << "gradient of the weights";
}

TEST(DepthwiseTest, AllDirectionsAreWhatTheReferenceSays) {
  uint64_t seed = 1;
  for (const Case& of : Cases()) {
    const Layer& layer = of.layer;
    const Values input =
        RandomValues(++seed, of.examples * layer.input_shape.elements());
    const Values gradient =
        RandomValues(++seed, of.examples * layer.output_shape.elements());
    const Values weights =
        RandomValues(++seed, layer.groups * layer.kernel * layer.kernel);
    for (const Simd simd : SimdsHere()) {
      SCOPED_TRACE(of.name + ", " + ToString(simd));
      ExpectForward(of, TableOf(simd), input, weights);
      ExpectInputGradient(of, TableOf(simd), gradient, weights);
      ExpectWeightGradient(of, TableOf(simd), input, gradient);
    }
  }
}

}  // namespace
}  // namespace archpool::kernels
