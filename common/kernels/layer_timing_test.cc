// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/layer_timing.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace archpool::kernels {
namespace {

// How long something takes is nothing to test by; that every kind can be timed,
// within its memory, is.
TimingOptions Short() { return {.batch = 3, .span = absl::ZeroDuration()}; }

Layer LayerOf(LayerKind kind, const TensorShape& in, const TensorShape& out,
              int64_t kernel, int64_t stride) {
  Layer layer;
  layer.kind = kind;
  layer.kernel = kernel;
  layer.stride = stride;
  layer.input_shape = in;
  layer.output_shape = out;
  return layer;
}

void ExpectTimed(const Layer& layer, const TimingOptions& options) {
  const LayerTiming timing = TimeTraining(layer, options);
  SCOPED_TRACE(ToString(layer.kind));
  EXPECT_GT(TimeEvaluationNs(layer, options), 0);
  // The difference of two networks may drown in what disturbs them.
  for (const double ns : {timing.train_ns, timing.fused_train_ns}) {
    EXPECT_TRUE(std::isfinite(ns));
    EXPECT_GE(ns, 0);
  }
}

TEST(LayerTimingTest, TimesEveryKind) {
  const TensorShape map = {11, 7, 7};
  for (size_t i = 0; i < kCountOf<LayerKind>; ++i) {
    const auto kind = static_cast<LayerKind>(i);
    TensorShape out = map;
    if (kind == LayerKind::kGlobalAvgPool || kind == LayerKind::kLinear) {
      out = {11, 1, 1};
    }
    ExpectTimed(LayerOf(kind, map, out, 1, 1), Short());
  }
}

TEST(LayerTimingTest, TimesStridesGroupsAndImages) {
  for (const LayerKind kind :
       {LayerKind::kConv, LayerKind::kMaxPool, LayerKind::kAvgPool}) {
    ExpectTimed(LayerOf(kind, {8, 8, 8}, {8, 4, 4}, 5, 2), Short());
  }
  Layer depthwise = LayerOf(LayerKind::kConv, {9, 6, 6}, {9, 6, 6}, 3, 1);
  depthwise.groups = 9;
  ExpectTimed(depthwise, Short());
  TimingOptions of_images = Short();
  of_images.differentiates_input = false;
  ExpectTimed(LayerOf(LayerKind::kConv, {3, 6, 6}, {5, 6, 6}, 3, 1), of_images);
}

TEST(LayerTimingTest, LayersOfMuchWorkAreTimedInSmallerBatches) {
  Layer layer = LayerOf(LayerKind::kConv, {8, 4, 4}, {8, 4, 4}, 1, 1);
  layer.macs = 50'000'000;
  EXPECT_EQ(TimedBatch(layer, 128), 10);
  EXPECT_EQ(TimedBatch(layer, 3), 3);
  layer.macs = INT64_MAX;
  EXPECT_EQ(TimedBatch(layer, 128), 8);
}

TEST(LayerTimingTest, TimesWithOtherInstructions) {
  for (const Simd simd : SimdsHere()) {
    TimingOptions options = Short();
    options.simd = simd;
    ExpectTimed(LayerOf(LayerKind::kConv, {8, 5, 5}, {8, 5, 5}, 3, 1), options);
    ExpectTimed(LayerOf(LayerKind::kSilu, {8, 5, 5}, {8, 5, 5}, 1, 1), options);
  }
}

}  // namespace
}  // namespace archpool::kernels
