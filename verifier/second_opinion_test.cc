// SPDX-License-Identifier: Apache-2.0
#include "verifier/second_opinion.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/match.h"
#include "common/base/counter_rng.h"
#include "common/base/sanitized.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

constexpr int64_t kClasses = 10;
constexpr size_t kExamples = 128;

constexpr size_t kCalibrated = kCalibrationExamples;

using Compared = OpinionComparison;

// Everything in double precision; the first examples calibrate.
Compared CompareAll(absl::Span<const float> ours,
                    absl::Span<const double> second, double rounding,
                    int64_t classes) {
  const size_t few =
      std::min(kCalibrated * static_cast<size_t>(classes), ours.size());
  return CompareOpinions(
      ours, second, classes,
      Calibrate(ours.first(few), second.first(few), classes, rounding));
}

// One layer: a matrix, a batch norm, ReLU.
struct TestLayer {
  std::vector<std::vector<float>> weights;
  std::vector<float> scale, shift, mean, variance;
};

// How a layer is computed, rightly by default.
struct Constants {
  double epsilon = 1e-5;
  double shift = 1;
};

enum class BatchNorms { kFolded, kApart };

template <typename Number>
std::vector<Number> Forward(const std::vector<TestLayer>& network,
                            std::vector<Number> values, BatchNorms batch_norms,
                            const Constants& constants) {
  for (size_t l = 0; l < network.size(); ++l) {
    const TestLayer& layer = network[l];
    std::vector<Number> next;
    for (size_t i = 0; i < layer.weights.size(); ++i) {
      const double a =
          layer.scale[i] / std::sqrt(layer.variance[i] + constants.epsilon);
      const auto b = static_cast<Number>((layer.shift[i] - layer.mean[i] * a) *
                                         constants.shift);
      const auto factor = static_cast<Number>(a);
      Number sum = 0;
      for (size_t j = 0; j < values.size(); ++j) {
        const auto weight = static_cast<Number>(layer.weights[i][j]);
        sum += values[j] * (batch_norms == BatchNorms::kFolded
                                ? static_cast<Number>(weight * factor)
                                : weight);
      }
      sum = batch_norms == BatchNorms::kFolded ? sum + b : sum * factor + b;
      next.push_back(l + 1 == network.size() ? sum : std::max<Number>(sum, 0));
    }
    values = std::move(next);
  }
  return values;
}

class Network {
 public:
  explicit Network(uint64_t seed) : rng_(seed, 0) {
    const auto draw = [&](double low, double high) {
      return static_cast<float>(low + (high - low) * rng_.NextUnitFloat());
    };
    size_t width = 3 + rng_.Below(40);
    inputs_.resize(kExamples);
    for (auto& input : inputs_) {
      for (size_t j = 0; j < width; ++j) input.push_back(draw(-2, 2));
    }
    const size_t depth = 2 + rng_.Below(5);
    for (size_t l = 0; l < depth; ++l) {
      const size_t outputs = l + 1 == depth ? kClasses : 4 + rng_.Below(40);
      const double reach = std::sqrt(6.0 / static_cast<double>(width));
      TestLayer layer;
      for (size_t i = 0; i < outputs; ++i) {
        std::vector<float>& row = layer.weights.emplace_back();
        for (size_t j = 0; j < width; ++j) row.push_back(draw(-reach, reach));
        layer.scale.push_back(draw(0.5, 1.5));
        layer.shift.push_back(draw(-0.5, 0.5));
        layer.mean.push_back(draw(-1, 1));
        layer.variance.push_back(draw(0.05, 3));
      }
      layers_.push_back(std::move(layer));
      width = outputs;
    }
  }

  Compared Compare(const Constants& constants) const {
    std::vector<float> ours;
    std::vector<double> second, single;
    for (size_t i = 0; i < kExamples; ++i) {
      const std::vector<double> input(inputs_[i].begin(), inputs_[i].end());
      const auto mine =
          Forward(layers_, inputs_[i], BatchNorms::kFolded, constants);
      const auto exact = Forward(layers_, input, BatchNorms::kApart, {});
      const auto rounded = Forward(layers_, inputs_[i], BatchNorms::kApart, {});
      ours.insert(ours.end(), mine.begin(), mine.end());
      second.insert(second.end(), exact.begin(), exact.end());
      single.insert(single.end(), rounded.begin(), rounded.end());
    }
    double rounding = 0;
    for (size_t i = 0; i < kCalibrated * kClasses; ++i) {
      rounding = std::max(rounding, std::abs(second[i] - single[i]));
    }
    const Compared compared = CompareAll(ours, second, rounding, kClasses);
    // What float32 leaves without doubt, double precision does not turn.
    if (!compared.calibration.agrees()) return compared;
    for (const int64_t i :
         DoubtfulExamples(ours, single, kClasses, compared.calibration)) {
      std::copy_n(second.begin() + i * kClasses, kClasses,
                  single.begin() + i * kClasses);
    }
    const Compared cheap =
        CompareOpinions(ours, single, kClasses, compared.calibration);
    EXPECT_EQ(cheap.contradictions, compared.contradictions);
    EXPECT_EQ(cheap.first_contradiction, compared.first_contradiction);
    EXPECT_EQ(cheap.close_calls, compared.close_calls);
    return compared;
  }

 private:
  CounterRng rng_;
  std::vector<std::vector<float>> inputs_;
  std::vector<TestLayer> layers_;
};

// Sanitizers look at the same code after fewer of them.
constexpr uint64_t kHonestNetworks = kIsSanitized ? 100 : 1'000;
constexpr uint64_t kWrongNetworks = kIsSanitized ? 20 : 200;

TEST(SecondOpinionTest, AThousandHonestNetworksAgree) {
  for (uint64_t seed = 0; seed < kHonestNetworks; ++seed) {
    const OpinionComparison comparison = Network(seed).Compare({});
    EXPECT_TRUE(comparison.agrees()) << seed << ": " << Describe(comparison);
    EXPECT_GT(comparison.calibration.difference, 0);
  }
}

TEST(SecondOpinionTest, AWrongFoldingConstantIsFound) {
  for (uint64_t seed = 0; seed < kWrongNetworks; ++seed) {
    for (const Constants& wrong :
         {Constants{.epsilon = 1e-3}, Constants{.shift = 1.01}}) {
      const OpinionComparison comparison = Network(seed).Compare(wrong);
      EXPECT_FALSE(comparison.agrees()) << seed << ": " << Describe(comparison);
    }
  }
}

// Two classes; the first leads by `lead` in double precision, everywhere.
std::vector<double> Leading(double lead) {
  std::vector<double> second;
  for (size_t i = 0; i < kExamples; ++i) {
    second.push_back(1 + lead);
    second.push_back(1);
  }
  return second;
}

std::vector<float> AsFloats(const std::vector<double>& second) {
  return {second.begin(), second.end()};
}

TEST(SecondOpinionTest, AnAnswerMayTurnWithinEightDifferences) {
  std::vector<double> second = Leading(0.5);
  std::vector<float> ours = AsFloats(second);
  ours[0] += 0x1p-17f;  // of the calibration
  for (const double lead : {7.9 * 0x1p-17, 8.1 * 0x1p-17}) {
    second[200] = 1 + lead;
    ours[200] = 0.99f;
    const Compared comparison = CompareAll(ours, second, 0, 2);
    EXPECT_EQ(comparison.examples, 128);
    EXPECT_EQ(comparison.calibration.difference, 0x1p-17);
    EXPECT_EQ(comparison.agrees(), lead < 8 * 0x1p-17);
    EXPECT_EQ(comparison.close_calls, lead < 8 * 0x1p-17 ? 1 : 0);
    EXPECT_EQ(comparison.first_contradiction, lead < 8 * 0x1p-17 ? -1 : 100);
  }
}

TEST(SecondOpinionTest, ACalibrationThatIsOffWidensNothing) {
  std::vector<double> second = Leading(0.5);
  std::vector<float> ours = AsFloats(second);
  for (float& logit : ours) logit *= 1.001f;
  // What float32 loses explains it, as far as anything does.
  EXPECT_FALSE(CompareAll(ours, second, 0, 2).agrees());
  EXPECT_TRUE(CompareAll(ours, second, 1e-4, 2).agrees());
  for (float& logit : ours) logit *= 1.01f;
  EXPECT_FALSE(CompareAll(ours, second, 1e6, 2).agrees());
}

TEST(SecondOpinionTest, NoNumberAgreesWithNoNumberAlone) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> second = Leading(0.5);
  std::vector<float> ours = AsFloats(second);
  second[0] = second[201] = kNone;
  EXPECT_FALSE(CompareAll(ours, second, 0, 2).agrees());
  ours[0] = static_cast<float>(kNone);
  EXPECT_EQ(CompareAll(ours, second, 0, 2).contradictions, 1);
  ours[201] = static_cast<float>(kNone);
  const Compared comparison = CompareAll(ours, second, 0, 2);
  EXPECT_TRUE(comparison.agrees());
  EXPECT_EQ(comparison.calibration.difference, 0);
}

// Weights of 1e30, say: double precision continues where float32 ends.
TEST(SecondOpinionTest, WhatIsBeyondFloat32ContradictsNothing) {
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  constexpr float kBeyond = std::numeric_limits<float>::infinity();
  std::vector<double> second = Leading(0.5);
  std::vector<float> ours = AsFloats(second);
  ours[0] = ours[200] = kNone;
  ours[203] = kBeyond;
  EXPECT_FALSE(CompareAll(ours, second, 0, 2).agrees());
  EXPECT_FALSE(CompareAll(ours, second, 1e6, 2).agrees());
  constexpr double kAnything = std::numeric_limits<double>::infinity();
  const Compared comparison = CompareAll(ours, second, kAnything, 2);
  EXPECT_TRUE(comparison.agrees()) << Describe(comparison);
  EXPECT_EQ(comparison.close_calls, 3);
  ours[250] = 0;  // a number, and a wrong one
  EXPECT_FALSE(CompareAll(ours, second, kAnything, 2).agrees());
}

TEST(SecondOpinionTest, SaysItsNumbers) {
  std::vector<double> second = Leading(0.5);
  std::vector<float> ours = AsFloats(second);
  ours[250] = 0;
  const std::string text = Describe(CompareAll(ours, second, 0, 2));
  EXPECT_TRUE(absl::StrContains(text, "of 128 examples 1 have")) << text;
  EXPECT_TRUE(absl::StrContains(text, "example 125")) << text;
}

TEST(SecondOpinionTest, FewExamplesCalibrateToo) {
  const std::vector<double> second = {1, 2, 3};
  EXPECT_TRUE(CompareAll(std::vector<float>{1, 2, 3}, second, 0, 3).agrees());
  EXPECT_TRUE(CompareAll({}, {}, 0, 3).agrees());
}

TEST(SecondOpinionTest, DoubtfulIsWhatRoundingMayTurnAndWhatDiffers) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const Calibration calibration{.examples = kCalibrationExamples,
                                .scale = 1,
                                .difference = 0x1p-20,
                                .difference_max = 1e-3,
                                .rounding = 0x1p-17};
  std::vector<double> single = Leading(0.5);
  std::vector<float> ours = AsFloats(single);
  EXPECT_TRUE(DoubtfulExamples(ours, single, 2, calibration).empty());
  single[0] = 1 + 8 * 0x1p-17;  // near, by what float32 loses
  single[20] = 1 + 9 * 0x1p-17;
  single[41] = 2;  // another answer
  single[60] = kNone;
  ours[80] = static_cast<float>(kNone);
  EXPECT_EQ(DoubtfulExamples(ours, single, 2, calibration),
            (std::vector<int64_t>{0, 20, 30, 40}));
  // Where float32 ends, nothing follows from what is no number.
  Calibration beyond = calibration;
  beyond.rounding = std::numeric_limits<double>::infinity();
  EXPECT_EQ(DoubtfulExamples(ours, single, 2, beyond),
            (std::vector<int64_t>{20, 30}));
}

}  // namespace
}  // namespace archpool
