// SPDX-License-Identifier: Apache-2.0
#include "common/nn/batch_norm.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "common/base/check.h"

// One copy of a loop for each width of vector, chosen when the program starts.
// -ffp-contract=off keeps their results equal.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define ARCHPOOL_VECTORIZED \
  __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define ARCHPOOL_VECTORIZED
#endif

namespace archpool::nn {
namespace {

// Several rows are taken as one of `lanes` numbers, so that few channels still
// fill the vectors.
constexpr size_t kLanesMin = 256;
// This many of these are summed in float before their sums continue in double.
constexpr size_t kStepsPerBlock = 128;

size_t LanesFor(size_t channels) {
  return (kLanesMin + channels - 1) / channels * channels;
}

ARCHPOOL_VECTORIZED
void AddSquares(const float* __restrict__ values,
                const float* __restrict__ center, size_t lanes,
                float* __restrict__ sums, float* __restrict__ squares) {
  for (size_t i = 0; i < lanes; ++i) {
    const float centered = values[i] - center[i];
    sums[i] += centered;
    squares[i] += centered * centered;
  }
}

ARCHPOOL_VECTORIZED
void AddProducts(const float* __restrict__ values,
                 const float* __restrict__ center,
                 const float* __restrict__ gradient, size_t lanes,
                 float* __restrict__ sums, float* __restrict__ products) {
  for (size_t i = 0; i < lanes; ++i) {
    sums[i] += gradient[i];
    products[i] += gradient[i] * (values[i] - center[i]);
  }
}

ARCHPOOL_VECTORIZED
void Normalize(const float* __restrict__ values,
               const float* __restrict__ center,
               const float* __restrict__ factor,
               const float* __restrict__ shift, size_t lanes, size_t count,
               float* __restrict__ out) {
  for (size_t first = 0; first < count; first += lanes) {
    const size_t width = std::min(lanes, count - first);
    for (size_t i = 0; i < width; ++i) {
      out[first + i] = (values[first + i] - center[i]) * factor[i] + shift[i];
    }
  }
}

ARCHPOOL_VECTORIZED
void Differentiate(const float* __restrict__ values,
                   const float* __restrict__ center,
                   const float* __restrict__ gradient,
                   const float* __restrict__ of_gradient,
                   const float* __restrict__ of_value,
                   const float* __restrict__ constant, size_t lanes,
                   size_t count, float* __restrict__ out) {
  for (size_t first = 0; first < count; first += lanes) {
    const size_t width = std::min(lanes, count - first);
    for (size_t i = 0; i < width; ++i) {
      out[first + i] =
          gradient[first + i] * of_gradient[i] +
          ((values[first + i] - center[i]) * of_value[i] + constant[i]);
    }
  }
}

// `channels` numbers, over and over, to the length of `lanes`.
std::vector<float> Repeat(absl::Span<const float> channels, size_t lanes) {
  std::vector<float> repeated(lanes);
  for (size_t i = 0; i < lanes; ++i)
    repeated[i] = channels[i % channels.size()];
  return repeated;
}

struct Sums {
  std::vector<double> first;
  std::vector<double> second;
};

// Sums over all rows, per channel: add(offset, width, first, second) adds the
// numbers at [offset, offset + width) to its lanes.
template <typename Add>
Sums SumRows(size_t count, size_t channels, size_t lanes, Add&& add) {
  Sums sums{std::vector<double>(channels), std::vector<double>(channels)};
  const size_t block = lanes * kStepsPerBlock;
  for (size_t begin = 0; begin < count; begin += block) {
    std::vector<float> first(lanes);
    std::vector<float> second(lanes);
    const size_t end = std::min(begin + block, count);
    for (size_t at = begin; at < end; at += lanes) {
      add(at, std::min(lanes, end - at), first.data(), second.data());
    }
    for (size_t i = 0; i < lanes; ++i) {
      sums.first[i % channels] += double{first[i]};
      sums.second[i % channels] += double{second[i]};
    }
  }
  return sums;
}

}  // namespace

BatchStatistics BatchNormForward(absl::Span<const float> input,
                                 absl::Span<const float> scale,
                                 absl::Span<const float> shift,
                                 absl::Span<float> running_mean,
                                 absl::Span<float> running_variance,
                                 absl::Span<float> output) {
  const size_t channels = scale.size();
  ARCHPOOL_CHECK(input.size() >= channels && output.size() == input.size());
  const size_t lanes = LanesFor(channels);
  const auto rows = static_cast<double>(input.size() / channels);
  // The first row stands in for the mean, which is not known yet: squares of
  // what is left do not cancel.
  const std::vector<float> near = Repeat(input.first(channels), lanes);
  const Sums sums = SumRows(
      input.size(), channels, lanes,
      [&](size_t at, size_t width, float* first, float* second) {
        AddSquares(input.data() + at, near.data(), width, first, second);
      });
  BatchStatistics statistics{std::vector<float>(channels),
                             std::vector<float>(channels)};
  std::vector<float> factor(channels);
  for (size_t c = 0; c < channels; ++c) {
    const double offset = sums.first[c] / rows;
    const double mean = double{input[c]} + offset;
    const double variance =
        std::max(sums.second[c] / rows - offset * offset, 0.0);
    const double inverse = 1.0 / std::sqrt(variance + kBatchNormEpsilon);
    const double unbiased = variance * rows / std::max(rows - 1.0, 1.0);
    statistics.mean[c] = static_cast<float>(mean);
    statistics.inverse_deviation[c] = static_cast<float>(inverse);
    factor[c] = static_cast<float>(inverse * double{scale[c]});
    const auto move = [](float& running, double towards) {
      running =
          static_cast<float>((1.0 - kBatchNormMomentum) * double{running} +
                             kBatchNormMomentum * towards);
    };
    move(running_mean[c], mean);
    move(running_variance[c], unbiased);
  }
  Normalize(input.data(), Repeat(statistics.mean, lanes).data(),
            Repeat(factor, lanes).data(), Repeat(shift, lanes).data(), lanes,
            input.size(), output.data());
  return statistics;
}

BatchNormGradients BatchNormBackward(absl::Span<const float> input,
                                     absl::Span<const float> output_gradient,
                                     absl::Span<const float> scale,
                                     const BatchStatistics& statistics,
                                     absl::Span<float> input_gradient) {
  const size_t channels = scale.size();
  ARCHPOOL_CHECK(output_gradient.size() == input.size() &&
                 input_gradient.size() == input.size());
  const size_t lanes = LanesFor(channels);
  const auto rows = static_cast<double>(input.size() / channels);
  const std::vector<float> mean = Repeat(statistics.mean, lanes);
  const Sums sums =
      SumRows(input.size(), channels, lanes,
              [&](size_t at, size_t width, float* first, float* second) {
                AddProducts(input.data() + at, mean.data(),
                            output_gradient.data() + at, width, first, second);
              });
  BatchNormGradients gradients{std::vector<float>(channels),
                               std::vector<float>(channels)};
  std::vector<float> of_gradient(channels);
  std::vector<float> of_value(channels);
  std::vector<float> constant(channels);
  for (size_t c = 0; c < channels; ++c) {
    const double inverse{statistics.inverse_deviation[c]};
    const double factor = inverse * double{scale[c]};
    gradients.scale[c] = static_cast<float>(sums.second[c] * inverse);
    gradients.shift[c] = static_cast<float>(sums.first[c]);
    of_gradient[c] = static_cast<float>(factor);
    of_value[c] =
        static_cast<float>(-factor * inverse * inverse * sums.second[c] / rows);
    constant[c] = static_cast<float>(-factor * sums.first[c] / rows);
  }
  Differentiate(input.data(), mean.data(), output_gradient.data(),
                Repeat(of_gradient, lanes).data(),
                Repeat(of_value, lanes).data(), Repeat(constant, lanes).data(),
                lanes, input.size(), input_gradient.data());
  return gradients;
}

}  // namespace archpool::nn
