// SPDX-License-Identifier: Apache-2.0
// Against the textbook's formulas in double, for channels that fill vectors and
// channels that do not.
#include "common/nn/batch_norm.h"

#include <cmath>
#include <cstddef>
#include <tuple>
#include <vector>

#include "common/base/counter_rng.h"
#include "gtest/gtest.h"

namespace archpool::nn {
namespace {

std::vector<float> Draw(size_t count, uint64_t stream, float center) {
  CounterRng rng(/*key=*/3, stream);
  std::vector<float> values(count);
  for (float& value : values) value = center + rng.NextUnitFloat() - 0.5f;
  return values;
}

class BatchNormTest
    : public ::testing::TestWithParam<std::tuple<size_t, size_t>> {
 protected:
  size_t rows() const { return std::get<0>(GetParam()); }
  size_t channels() const { return std::get<1>(GetParam()); }
  std::vector<float> Column(const std::vector<float>& all, size_t c) const {
    std::vector<float> column;
    for (size_t r = 0; r < rows(); ++r)
      column.push_back(all[r * channels() + c]);
    return column;
  }
};

double MeanOf(const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += double{value};
  return sum / static_cast<double>(values.size());
}

double VarianceOf(const std::vector<float>& values) {
  const double mean = MeanOf(values);
  double sum = 0;
  for (const float value : values) {
    sum += (double{value} - mean) * (double{value} - mean);
  }
  return sum / static_cast<double>(values.size());
}

// The mean lies ten deviations from zero: sums of plain squares would cancel.
TEST_P(BatchNormTest, ForwardMatchesTheFormula) {
  const std::vector<float> input = Draw(rows() * channels(), 1, 3.0f);
  const std::vector<float> scale = Draw(channels(), 2, 1.0f);
  const std::vector<float> shift = Draw(channels(), 3, 0.0f);
  std::vector<float> running_mean(channels(), 0.5f);
  std::vector<float> running_variance(channels(), 2.0f);
  std::vector<float> output(input.size());
  const BatchStatistics statistics = BatchNormForward(
      input, scale, shift, absl::MakeSpan(running_mean),
      absl::MakeSpan(running_variance), absl::MakeSpan(output));
  for (size_t c = 0; c < channels(); ++c) {
    const std::vector<float> column = Column(input, c);
    const double mean = MeanOf(column);
    const double variance = VarianceOf(column);
    const double inverse = 1.0 / std::sqrt(variance + kBatchNormEpsilon);
    EXPECT_NEAR(statistics.mean[c], mean, 1e-5);
    EXPECT_NEAR(statistics.inverse_deviation[c] / inverse, 1.0, 1e-5);
    EXPECT_NEAR(running_mean[c], 0.9 * 0.5 + 0.1 * mean, 1e-5);
    const auto count = static_cast<double>(rows());
    const double unbiased = rows() > 1 ? variance * count / (count - 1) : 0.0;
    EXPECT_NEAR(running_variance[c], 0.9 * 2.0 + 0.1 * unbiased, 1e-5);
    for (size_t r = 0; r < rows(); ++r) {
      const double expected =
          (double{column[r]} - mean) * inverse * double{scale[c]} +
          double{shift[c]};
      ASSERT_NEAR(output[r * channels() + c], expected, 2e-5 + 3e-7 * inverse);
    }
  }
}

TEST_P(BatchNormTest, BackwardMatchesTheFormula) {
  const std::vector<float> input = Draw(rows() * channels(), 1, 3.0f);
  const std::vector<float> gradient = Draw(rows() * channels(), 4, 0.1f);
  const std::vector<float> scale = Draw(channels(), 2, 1.0f);
  std::vector<float> unused(channels());
  std::vector<float> output(input.size());
  const BatchStatistics statistics = BatchNormForward(
      input, scale, std::vector<float>(channels()), absl::MakeSpan(unused),
      absl::MakeSpan(unused), absl::MakeSpan(output));
  std::vector<float> input_gradient(input.size());
  const BatchNormGradients gradients = BatchNormBackward(
      input, gradient, scale, statistics, absl::MakeSpan(input_gradient));
  for (size_t c = 0; c < channels(); ++c) {
    const std::vector<float> column = Column(input, c);
    const std::vector<float> slopes = Column(gradient, c);
    const double mean = MeanOf(column);
    const double inverse =
        1.0 / std::sqrt(VarianceOf(column) + kBatchNormEpsilon);
    // Of sums of that many terms.
    const double tolerance = 1e-3 + 1e-6 * static_cast<double>(rows());
    double shift_gradient = 0;
    double scale_gradient = 0;
    for (size_t r = 0; r < rows(); ++r) {
      shift_gradient += double{slopes[r]};
      scale_gradient +=
          double{slopes[r]} * (double{column[r]} - mean) * inverse;
    }
    EXPECT_NEAR(gradients.shift[c], shift_gradient, tolerance);
    EXPECT_NEAR(gradients.scale[c], scale_gradient, tolerance);
    const auto count = static_cast<double>(rows());
    for (size_t r = 0; r < rows(); ++r) {
      const double normalized = (double{column[r]} - mean) * inverse;
      const double expected = double{scale[c]} * inverse *
                              (double{slopes[r]} - shift_gradient / count -
                               normalized * scale_gradient / count);
      ASSERT_NEAR(input_gradient[r * channels() + c], expected,
                  1e-5 * (1.0 + inverse));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, BatchNormTest,
    ::testing::Combine(::testing::Values(1, 2, 7, 300, 40'000),
                       ::testing::Values(1, 3, 8, 12, 64, 300)));

}  // namespace
}  // namespace archpool::nn
