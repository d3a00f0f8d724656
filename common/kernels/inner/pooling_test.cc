// SPDX-License-Identifier: Apache-2.0
// Pooling against the reference, bit for bit.
#include <string>
#include <vector>

#include "common/kernels/inner/table.h"
#include "common/kernels/inner/test_maps.h"
#include "common/kernels/reference.h"
#include "common/kernels/simd.h"
#include "gtest/gtest.h"

namespace archpool::kernels {
namespace {

constexpr float kUnwritten = 7.0f;

Layer LayerOf(LayerKind kind, const TensorShape& shape, int64_t kernel,
              int64_t stride) {
  const bool is_global = kind == LayerKind::kGlobalAvgPool;
  return {.kind = kind,
          .kernel = kernel,
          .stride = stride,
          .input_shape = shape,
          .output_shape = {shape.channels,
                           is_global ? 1 : (shape.height - 1) / stride + 1,
                           is_global ? 1 : (shape.width - 1) / stride + 1}};
}

std::vector<Layer> Layers() {
  std::vector<Layer> layers;
  CounterRng rng(1, 0);
  const auto draw = [&rng](uint32_t most) { return 1 + rng.Below(most); };
  for (const LayerKind kind : {LayerKind::kMaxPool, LayerKind::kAvgPool}) {
    for (int64_t kernel = 1; kernel <= 7; ++kernel) {
      for (int64_t stride = 1; stride <= 4; ++stride) {
        for (int i = 0; i < (kernel <= 3 ? 8 : 2); ++i) {
          layers.push_back(
              LayerOf(kind, {draw(40), draw(13), draw(13)}, kernel, stride));
        }
      }
    }
  }
  // Maps that windows of three by three do not fit into, or just so.
  for (const LayerKind kind : {LayerKind::kMaxPool, LayerKind::kAvgPool}) {
    for (int64_t side = 0; side < 16; ++side) {
      layers.push_back(
          LayerOf(kind, {draw(40), 1 + side / 4, 1 + side % 4}, 3, 1));
    }
  }
  for (int i = 0; i < 10; ++i) {
    layers.push_back(LayerOf(LayerKind::kGlobalAvgPool,
                             {draw(150), draw(13), draw(13)}, 1, 1));
  }
  return layers;
}

void ExpectLikeReference(const Layer& layer, int64_t examples, Simd simd,
                         bool is_image, View input, View gradient) {
  SCOPED_TRACE(std::string(ToString(layer.kind)) + ", " + ToString(simd) +
               ", " + std::to_string(layer.input_shape.channels) + " of " +
               std::to_string(layer.input_shape.height) + "x" +
               std::to_string(layer.input_shape.width) + ", kernel " +
               std::to_string(layer.kernel) + ", stride " +
               std::to_string(layer.stride));
  const TestMap in(layer.input_shape, examples, 1, input, is_image);
  TestMap out(layer.output_shape, examples, 2, kUnwritten);
  PoolPass pass;
  pass.layer = layer;
  pass.examples = examples;
  pass.in = in.first();
  pass.in_strides = in.strides();
  pass.out = out.first();
  pass.out_strides = out.strides();
  TableOf(simd).pool(pass);
  EXPECT_EQ(FirstDifference(out.Get(),
                            reference::PoolForward(layer, examples, input)),
            -1);
  EXPECT_TRUE(out.IsCleanAround());
  if (is_image) return;
  const TestMap g(layer.output_shape, examples, 0, gradient);
  TestMap in_gradient(layer.input_shape, examples, 1, kUnwritten);
  pass.out = nullptr;
  pass.gradient = g.first();
  pass.gradient_strides = g.strides();
  pass.in_gradient = in_gradient.first();
  pass.in_gradient_strides = in_gradient.strides();
  TableOf(simd).pool_gradient(pass);
  EXPECT_EQ(
      FirstDifference(in_gradient.Get(), reference::PoolInputGradient(
                                             layer, examples, input, gradient)),
      -1)
      << "gradient";
  EXPECT_TRUE(in_gradient.IsCleanAround());
}

TEST(PoolTest, BothDirectionsAreWhatTheReferenceSays) {
  uint64_t seed = 1;
  for (const Layer& layer : Layers()) {
    const bool is_wild = seed % 3 == 0;
    const auto examples = static_cast<int64_t>(seed % 5 == 0 ? 5 : 2);
    Values input =
        RandomValues(++seed, examples * layer.input_shape.elements(), is_wild);
    // Equal values, of which the first is the largest.
    if (seed % 2 == 0) {
      for (float& value : input) value = value > 0 ? 1.0f : value;
    }
    const Values gradient =
        RandomValues(++seed, examples * layer.output_shape.elements(), is_wild);
    for (const Simd simd : SimdsHere()) {
      for (const bool is_image : {false, true}) {
        ExpectLikeReference(layer, examples, simd, is_image, input, gradient);
      }
    }
  }
}

}  // namespace
}  // namespace archpool::kernels
