// SPDX-License-Identifier: Apache-2.0
// Convolutions and linear layers against the loops of reference.h, bit for bit.
#include "common/kernels/inner/product.h"

#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/counter_rng.h"
#include "common/base/sanitized.h"
#include "common/kernels/inner/network_plan.h"
#include "common/kernels/inner/parameters.h"
#include "common/kernels/inner/table.h"
#include "common/kernels/reference.h"
#include "gtest/gtest.h"

namespace archpool::kernels {
namespace {

using reference::Values;

// The loops of the reference under sanitizers take ten times as long.
constexpr int Layers(int count) { return kIsSanitized ? count / 3 : count; }

class Random {
 public:
  explicit Random(uint32_t seed) : rng_(seed, 0) {}
  int64_t Between(int64_t first, int64_t last) {
    return first + rng_.Below(static_cast<uint32_t>(last - first + 1));
  }
  Values Numbers(int64_t count) {
    Values values(static_cast<size_t>(count));
    for (float& value : values) {
      value = 4.0f * rng_.NextUnitFloat() - 2.0f;
      if (rng_.Below(10) == 0) value = 0.0f;
    }
    return values;
  }

 private:
  CounterRng rng_;
};

// A map in memory of its own, filled from and read into dense values.
class TestMap {
 public:
  TestMap(const MapLayout& layout, int64_t examples)
      : layout_(layout),
        examples_(examples),
        memory_(static_cast<size_t>(layout.floats(examples))) {}
  MapView view() {
    return {.at = memory_.data() + layout_.origin(),
            .strides = layout_.strides(),
            .shape = layout_.shape};
  }
  void Fill(const Values& values) {
    size_t next = 0;
    ForEach([&](float& at) { at = values[next++]; });
  }
  Values Read() {
    Values values;
    ForEach([&](float& at) { values.push_back(at); });
    return values;
  }

 private:
  template <typename Visit>
  void ForEach(const Visit& visit) {
    const Strides strides = layout_.strides();
    for (int64_t n = 0; n < examples_; ++n) {
      for (int64_t y = 0; y < layout_.shape.height; ++y) {
        for (int64_t x = 0; x < layout_.shape.width; ++x) {
          for (int64_t c = 0; c < layout_.shape.channels; ++c) {
            visit(view().at[n * strides.example + y * strides.row +
                            x * strides.column + c]);
          }
        }
      }
    }
  }
  const MapLayout layout_;
  const int64_t examples_;
  std::vector<float> memory_;
};

bool HaveEqualBits(const Values& a, const Values& b) {
  return a.size() == b.size() &&
         std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

std::string TextOf(const Layer& layer, int64_t examples,
                   const Machine& machine) {
  return absl::StrCat(ToString(machine.simd), ", ", machine.threads,
                      " threads, ", examples, " examples, kernel ",
                      layer.kernel, ", stride ", layer.stride, ", groups ",
                      layer.groups, ", ", layer.input_shape.height, "x",
                      layer.input_shape.width, "x", layer.input_shape.channels,
                      " to ", layer.output_shape.channels);
}

// One layer, all three passes, everywhere.
void Compare(const Layer& layer, int64_t examples, bool is_image,
             Random& random) {
  const bool is_linear = layer.kind == LayerKind::kLinear;
  const int64_t padding = is_linear ? 0 : PaddingOf(layer);
  const TensorLayout tensor{
      .outputs = layer.output_shape.channels,
      .inputs = layer.groups > 1 ? 1 : layer.input_shape.channels,
      .taps = is_linear ? layer.input_shape.height * layer.input_shape.width
                        : layer.kernel * layer.kernel};
  const Values input = random.Numbers(examples * layer.input_shape.elements());
  const Values gradient =
      random.Numbers(examples * layer.output_shape.elements());
  const Values weights = random.Numbers(tensor.values());
  const Values bias = random.Numbers(layer.output_shape.channels);

  namespace ref = reference;
  const Values forward =
      is_linear ? ref::LinearForward(layer, examples, input, weights, bias)
                : ref::ConvForward(layer, examples, input, weights);
  const Values of_input =
      is_linear ? ref::LinearInputGradient(layer, examples, gradient, weights)
                : ref::ConvInputGradient(layer, examples, gradient, weights);
  const Values of_weights =
      is_linear ? ref::LinearWeightGradient(layer, examples, input, gradient)
                : ref::ConvWeightGradient(layer, examples, input, gradient);

  const MapLayout in_layout{.shape = layer.input_shape,
                            .border = padding + random.Between(0, 1),
                            .is_image = is_image};
  const MapLayout out_layout{.shape = layer.output_shape, .border = padding};
  TestMap in(in_layout, examples);
  TestMap of_output(out_layout, examples);
  in.Fill(input);
  of_output.Fill(gradient);
  std::vector<float> packed(static_cast<size_t>(tensor.floats() + kSlack));
  tensor.FromFile(weights.data(), packed.data());
  std::vector<float> last(static_cast<size_t>(tensor.stride() + kSlack));
  std::copy(bias.begin(), bias.end(), last.begin());
  const Strides gradient_strides = out_layout.strides();

  for (const Simd simd : SimdsHere()) {
    const Machine machine{simd, static_cast<int>(random.Between(1, 8))};
    SCOPED_TRACE(TextOf(layer, examples, machine));
    Team team(machine.threads);
    const Context context{TableOf(simd), team, examples};
    Product product(layer, in_layout.strides(), &gradient_strides);

    TestMap out({.shape = layer.output_shape}, examples);
    product.Forward(context, in.view(), packed.data(),
                    is_linear ? last.data() : nullptr, out.view());
    EXPECT_TRUE(HaveEqualBits(out.Read(), forward));

    TestMap of_in({.shape = layer.input_shape}, examples);
    product.Turn(context, packed.data());
    product.InputGradient(context, of_output.view(), of_in.view());
    EXPECT_TRUE(HaveEqualBits(of_in.Read(), of_input));

    AlignedFloats scratch(static_cast<size_t>(product.ScratchFloats(examples)));
    AlignedFloats sums(packed.size(), 1.0f);
    product.WeightGradient(context, in.view(), of_output.view(), scratch.data(),
                           sums.data());
    Values unpacked(static_cast<size_t>(tensor.values()));
    tensor.ToFile(sums.data(), unpacked.data());
    EXPECT_TRUE(HaveEqualBits(unpacked, of_weights));

    // The same a few examples at a time.
    std::fill(scratch.begin(), scratch.end(), 1.0f);
    std::fill(sums.begin(), sums.end(), 1.0f);
    for (int64_t first = 0; first < examples;) {
      const int64_t end = std::min(examples, first + random.Between(1, 4));
      product.SumExamples(TableOf(simd), examples, first, end, in.view(),
                          of_output.view(), scratch.data(), sums.data());
      first = end;
    }
    product.AddBlocks(context, scratch.data(), sums.data());
    tensor.ToFile(sums.data(), unpacked.data());
    EXPECT_TRUE(HaveEqualBits(unpacked, of_weights));
  }
}

Layer Conv(const TensorShape& in, int64_t outputs, int64_t kernel,
           int64_t stride, bool is_depthwise) {
  Layer layer;
  layer.kind = LayerKind::kConv;
  layer.kernel = kernel;
  layer.stride = stride;
  layer.groups = is_depthwise ? in.channels : 1;
  layer.input_shape = in;
  layer.output_shape = {is_depthwise ? in.channels : outputs,
                        (in.height - 1) / stride + 1,
                        (in.width - 1) / stride + 1};
  layer.parameters = kernel * kernel * layer.output_shape.channels *
                     (is_depthwise ? 1 : in.channels);
  return layer;
}

TEST(ProductTest, DenseConvolutionsAreTheReference) {
  Random random(1);
  for (int i = 0; i < Layers(60); ++i) {
    const bool is_image = random.Between(0, 3) == 0;
    const TensorShape in{random.Between(1, is_image ? 4 : 40),
                         random.Between(1, 17), random.Between(1, 17)};
    const int64_t kernel = 2 * random.Between(0, i % 10 == 0 ? 5 : 2) + 1;
    Compare(
        Conv(in, random.Between(1, 70), kernel, random.Between(1, 2), false),
        random.Between(1, 9), is_image, random);
  }
}

// More than one run, and more than one block.
TEST(ProductTest, LongSumsAreTheReference) {
  Random random(2);
  for (int i = 0; i < 3; ++i) {
    Compare(Conv({3, 28, 30}, 5, 3, 1, i == 1), random.Between(5, 20), i == 0,
            random);
  }
}

TEST(ProductTest, DepthwiseConvolutionsAreTheReference) {
  Random random(3);
  for (int i = 0; i < Layers(60); ++i) {
    const TensorShape in{random.Between(2, 70), random.Between(1, 17),
                         random.Between(1, 17)};
    const int64_t kernel = 2 * random.Between(0, i % 10 == 0 ? 5 : 2) + 1;
    Compare(Conv(in, 0, kernel, random.Between(1, 2), true),
            random.Between(1, 9), false, random);
  }
}

TEST(ProductTest, LinearLayersAreTheReference) {
  Random random(4);
  for (int i = 0; i < Layers(30); ++i) {
    Layer layer;
    layer.kind = LayerKind::kLinear;
    layer.input_shape = {random.Between(1, 40), random.Between(1, 3),
                         random.Between(1, 3)};
    layer.output_shape = {random.Between(1, 40), 1, 1};
    layer.parameters =
        (layer.input_shape.elements() + 1) * layer.output_shape.channels;
    Compare(layer, random.Between(1, 40), false, random);
  }
}

}  // namespace
}  // namespace archpool::kernels
