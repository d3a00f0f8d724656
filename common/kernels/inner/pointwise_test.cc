// SPDX-License-Identifier: Apache-2.0
// What is computed value by value against the reference, bit for bit.
#include <bit>
#include <cmath>
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
constexpr int64_t kExamples = 3;

// Where maps lie: with borders or in one piece.
struct Borders {
  int64_t in;
  int64_t second;
  int64_t out;
  bool is_image;
};
constexpr Borders kBorders[] = {
    {0, 0, 0, false}, {1, 0, 2, false}, {0, 0, 1, false}, {1, 0, 1, true}};
constexpr TensorShape kShapes[] = {{1, 3, 5},  {3, 5, 4},  {8, 4, 3},
                                   {20, 3, 3}, {24, 2, 5}, {33, 1, 1},
                                   {16, 5, 7}};

Values Expected(const PointwisePass& pass, bool is_gradient, View in,
                View second) {
  Values expected;
  for (size_t i = 0; i < in.size(); ++i) {
    if (is_gradient) {
      expected.push_back(
          reference::ActivationGradient(pass.kind, in[i], second[i]));
    } else if (pass.kind != LayerKind::kAdd) {
      expected.push_back(reference::Activate(pass.kind, in[i]));
    } else {
      expected.push_back(second.empty() ? in[i] : in[i] + second[i]);
    }
  }
  return expected;
}

void ExpectLikeReference(LayerKind kind, bool is_gradient, View in_values,
                         View second_values, const TensorShape& shape,
                         const Borders& borders, Simd simd) {
  SCOPED_TRACE(std::string(ToString(kind)) + ", " + ToString(simd) + ", " +
               std::to_string(shape.channels) + " channels");
  const TestMap in(shape, kExamples, borders.in, in_values, borders.is_image);
  const bool has_second = !second_values.empty();
  const TestMap second(shape, kExamples, borders.second,
                       has_second ? second_values : in_values);
  TestMap out(shape, kExamples, borders.out, kUnwritten);
  PointwisePass pass = {.grid = {shape.width, shape.height, kExamples},
                        .kind = kind,
                        .in = in.first(),
                        .in_strides = in.strides(),
                        .second = has_second ? second.first() : nullptr,
                        .second_strides = second.strides(),
                        .out = out.first(),
                        .out_strides = out.strides(),
                        .channels = shape.channels};
  const auto compute =
      is_gradient ? TableOf(simd).activation_gradient : TableOf(simd).pointwise;
  compute(pass);
  const Values expected = Expected(pass, is_gradient, in_values, second_values);
  EXPECT_EQ(FirstDifference(out.Get(), expected), -1);
  EXPECT_TRUE(out.IsCleanAround());
  if (borders.is_image) return;
  TestMap in_place = in;
  pass.in = pass.out = in_place.first();
  pass.out_strides = in.strides();
  compute(pass);
  EXPECT_EQ(FirstDifference(in_place.Get(), expected), -1) << "in place";
  EXPECT_TRUE(in_place.IsCleanAround());
}

TEST(PointwiseTest, MapsAreWhatTheReferenceSays) {
  uint64_t seed = 1;
  for (const TensorShape& shape : kShapes) {
    const int64_t count = kExamples * shape.elements();
    for (const Borders& borders : kBorders) {
      const Values in = RandomValues(++seed, count, true);
      const Values second = RandomValues(++seed, count, true);
      for (const Simd simd : SimdsHere()) {
        for (const LayerKind kind : {LayerKind::kRelu, LayerKind::kHardswish,
                                     LayerKind::kSilu, LayerKind::kAdd}) {
          ExpectLikeReference(kind, false, in, {}, shape, borders, simd);
          ExpectLikeReference(kind, kind != LayerKind::kAdd, in, second, shape,
                              borders, simd);
        }
      }
    }
  }
}

// Every sign and exponent, where exponentials are clamped and rounded.
TEST(PointwiseTest, ActivationsAreWhatTheReferenceSaysEverywhere) {
  Values in;
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 99'991) {
    in.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  }
  for (float v = -100; v < 100; v += 0.0137f) in.push_back(v);
  const TensorShape shape = {static_cast<int64_t>(in.size()), 1, 1};
  Values whole = in;
  for (int64_t n = 1; n < kExamples; ++n) {
    whole.insert(whole.end(), in.begin(), in.end());
  }
  const Values second = RandomValues(1, static_cast<int64_t>(whole.size()));
  for (const Simd simd : SimdsHere()) {
    for (const LayerKind kind :
         {LayerKind::kRelu, LayerKind::kHardswish, LayerKind::kSilu}) {
      ExpectLikeReference(kind, false, whole, {}, shape, {}, simd);
      ExpectLikeReference(kind, true, whole, second, shape, {}, simd);
    }
  }
}

TEST(PointwiseTest, StepsAreWhatTheReferenceSays) {
  uint64_t seed = 100;
  for (const int64_t count : {1, 7, 8, 15, 16, 17, 63, 64, 65, 1'000}) {
    const auto values = [&](bool is_wild) {
      Values drawn = RandomValues(++seed, count + kSlack, is_wild);
      if (is_wild) return drawn;
      for (float& value : drawn) value *= value > 0.9f ? 0x1p-102f : 1.0f;
      return drawn;
    };
    for (const bool is_wild : {false, true}) {
      const Values gradient = values(is_wild);
      const Values velocity = values(is_wild);
      const Values weights = values(is_wild);
      const auto size = static_cast<size_t>(count);
      Values expected_velocity(velocity.begin(), velocity.begin() + count);
      Values expected_weights(weights.begin(), weights.begin() + count);
      const reference::OptimizerRates rates = {0.125f, 0.9f, 5e-4f};
      reference::OptimizerStep(rates, View(gradient).subspan(0, size),
                               absl::MakeSpan(expected_velocity),
                               absl::MakeSpan(expected_weights));
      bool is_finite = true;
      for (size_t i = 0; i < size; ++i) {
        is_finite = is_finite && std::isfinite(expected_velocity[i]) &&
                    std::isfinite(expected_weights[i]);
      }
      for (const Simd simd : SimdsHere()) {
        Values next_velocity(size + 1, kUnwritten);
        Values next_weights(size + 1, kUnwritten);
        EXPECT_EQ(
            TableOf(simd).optimizer({.count = count,
                                     .gradient = gradient.data(),
                                     .velocity = velocity.data(),
                                     .weights = weights.data(),
                                     .next_velocity = next_velocity.data(),
                                     .next_weights = next_weights.data(),
                                     .rate = rates.rate,
                                     .momentum = rates.momentum,
                                     .decay = rates.decay}),
            is_finite)
            << count << ToString(simd);
        EXPECT_EQ(next_velocity.back(), kUnwritten);
        EXPECT_EQ(next_weights.back(), kUnwritten);
        next_velocity.pop_back();
        next_weights.pop_back();
        EXPECT_EQ(FirstDifference(next_velocity, expected_velocity), -1);
        EXPECT_EQ(FirstDifference(next_weights, expected_weights), -1);
      }
    }
  }
}

// One number that is not finite, wherever it is.
TEST(PointwiseTest, AStepThatDivergesIsSeen) {
  constexpr int64_t kCount = 150;
  for (const Simd simd : SimdsHere()) {
    for (size_t at = 0; at < kCount; ++at) {
      for (const float bad : {INFINITY, -INFINITY, NAN, 3e38f}) {
        Values gradient(kCount + kSlack, 0.5f);
        Values velocity(kCount + kSlack, 0.5f);
        Values weights(kCount + kSlack, 0.5f);
        // What lies behind is nobody's.
        weights[kCount] = NAN;
        const auto is_finite = [&] {
          Values next_velocity(kCount);
          Values next_weights(kCount);
          return TableOf(simd).optimizer({.count = kCount,
                                          .gradient = gradient.data(),
                                          .velocity = velocity.data(),
                                          .weights = weights.data(),
                                          .next_velocity = next_velocity.data(),
                                          .next_weights = next_weights.data(),
                                          .rate = 1.0f,
                                          .momentum = 0.5f});
        };
        EXPECT_TRUE(is_finite());
        velocity[at] = bad;
        gradient[at] = bad;
        EXPECT_FALSE(is_finite()) << at << " " << ToString(simd);
      }
    }
  }
}

}  // namespace
}  // namespace archpool::kernels
