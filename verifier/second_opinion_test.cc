#include "verifier/second_opinion.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/match.h"
#include "common/base/counter_rng.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

constexpr int64_t kClasses = 10;
constexpr size_t kExamples = 128;

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

  OpinionComparison Compare(const Constants& constants) const {
    std::vector<float> ours;
    SecondLogits second;
    for (size_t i = 0; i < kExamples; ++i) {
      const std::vector<double> input(inputs_[i].begin(), inputs_[i].end());
      const auto mine =
          Forward(layers_, inputs_[i], BatchNorms::kFolded, constants);
      const auto exact = Forward(layers_, input, BatchNorms::kApart, {});
      const auto rounded = Forward(layers_, inputs_[i], BatchNorms::kApart, {});
      ours.insert(ours.end(), mine.begin(), mine.end());
      second.logits.insert(second.logits.end(), exact.begin(), exact.end());
      if (i >= static_cast<size_t>(kCalibrationExamples)) continue;
      for (size_t c = 0; c < exact.size(); ++c) {
        second.rounding =
            std::max(second.rounding, std::abs(exact[c] - double{rounded[c]}));
      }
    }
    return CompareOpinions(ours, second, kClasses);
  }

 private:
  CounterRng rng_;
  std::vector<std::vector<float>> inputs_;
  std::vector<TestLayer> layers_;
};

TEST(SecondOpinionTest, AThousandHonestNetworksAgree) {
  for (uint64_t seed = 0; seed < 1'000; ++seed) {
    const OpinionComparison comparison = Network(seed).Compare({});
    EXPECT_TRUE(comparison.agrees()) << seed << ": " << Describe(comparison);
    EXPECT_GT(comparison.difference, 0);
  }
}

TEST(SecondOpinionTest, AWrongFoldingConstantIsFound) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    for (const Constants& wrong :
         {Constants{.epsilon = 1e-3}, Constants{.shift = 1.01}}) {
      const OpinionComparison comparison = Network(seed).Compare(wrong);
      EXPECT_FALSE(comparison.agrees()) << seed << ": " << Describe(comparison);
    }
  }
}

// Two classes; the first leads by `lead` in double precision, everywhere.
SecondLogits Leading(double lead) {
  SecondLogits second;
  for (size_t i = 0; i < kExamples; ++i) {
    second.logits.push_back(1 + lead);
    second.logits.push_back(1);
  }
  return second;
}

std::vector<float> AsFloats(const SecondLogits& second) {
  return {second.logits.begin(), second.logits.end()};
}

TEST(SecondOpinionTest, AnAnswerMayTurnWithinEightDifferences) {
  SecondLogits second = Leading(0.5);
  std::vector<float> ours = AsFloats(second);
  ours[0] += 0x1p-17f;  // of the calibration
  for (const double lead : {7.9 * 0x1p-17, 8.1 * 0x1p-17}) {
    second.logits[200] = 1 + lead;
    ours[200] = 0.99f;
    const OpinionComparison comparison = CompareOpinions(ours, second, 2);
    EXPECT_EQ(comparison.examples, 128);
    EXPECT_EQ(comparison.difference, 0x1p-17);
    EXPECT_EQ(comparison.agrees(), lead < 8 * 0x1p-17);
    EXPECT_EQ(comparison.close_calls, lead < 8 * 0x1p-17 ? 1 : 0);
    EXPECT_EQ(comparison.first_contradiction, lead < 8 * 0x1p-17 ? -1 : 100);
  }
}

TEST(SecondOpinionTest, ACalibrationThatIsOffWidensNothing) {
  SecondLogits second = Leading(0.5);
  std::vector<float> ours = AsFloats(second);
  for (float& logit : ours) logit *= 1.001f;
  // What float32 loses explains it, as far as anything does.
  EXPECT_FALSE(CompareOpinions(ours, second, 2).agrees());
  second.rounding = 1e-4;
  EXPECT_TRUE(CompareOpinions(ours, second, 2).agrees());
  second.rounding = 1e6;
  for (float& logit : ours) logit *= 1.01f;
  EXPECT_FALSE(CompareOpinions(ours, second, 2).agrees());
}

TEST(SecondOpinionTest, NoNumberAgreesWithNoNumberAlone) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  SecondLogits second = Leading(0.5);
  std::vector<float> ours = AsFloats(second);
  second.logits[0] = second.logits[201] = kNone;
  EXPECT_FALSE(CompareOpinions(ours, second, 2).agrees());
  ours[0] = static_cast<float>(kNone);
  EXPECT_EQ(CompareOpinions(ours, second, 2).contradictions, 1);
  ours[201] = static_cast<float>(kNone);
  const OpinionComparison comparison = CompareOpinions(ours, second, 2);
  EXPECT_TRUE(comparison.agrees());
  EXPECT_EQ(comparison.difference, 0);
}

// Weights of 1e30, say: double precision goes on where float32 ends.
TEST(SecondOpinionTest, WhatIsBeyondFloat32ContradictsNothing) {
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  constexpr float kBeyond = std::numeric_limits<float>::infinity();
  SecondLogits second = Leading(0.5);
  std::vector<float> ours = AsFloats(second);
  ours[0] = ours[200] = kNone;
  ours[203] = kBeyond;
  EXPECT_FALSE(CompareOpinions(ours, second, 2).agrees());
  second.rounding = 1e6;
  EXPECT_FALSE(CompareOpinions(ours, second, 2).agrees());
  second.rounding = std::numeric_limits<double>::infinity();
  const OpinionComparison comparison = CompareOpinions(ours, second, 2);
  EXPECT_TRUE(comparison.agrees()) << Describe(comparison);
  EXPECT_EQ(comparison.close_calls, 3);
  ours[250] = 0;  // a number, and a wrong one
  EXPECT_FALSE(CompareOpinions(ours, second, 2).agrees());
}

TEST(SecondOpinionTest, SaysItsNumbers) {
  SecondLogits second = Leading(0.5);
  std::vector<float> ours = AsFloats(second);
  ours[250] = 0;
  const std::string text = Describe(CompareOpinions(ours, second, 2));
  EXPECT_TRUE(absl::StrContains(text, "of 128 examples 1 have")) << text;
  EXPECT_TRUE(absl::StrContains(text, "example 125")) << text;
}

TEST(SecondOpinionTest, FewExamplesCalibrateToo) {
  const SecondLogits second{.logits = {1, 2, 3}};
  EXPECT_TRUE(CompareOpinions(std::vector<float>{1, 2, 3}, second, 3).agrees());
  EXPECT_TRUE(CompareOpinions({}, {}, 3).agrees());
}

}  // namespace
}  // namespace archpool
