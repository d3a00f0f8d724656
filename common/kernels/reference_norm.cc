// SPDX-License-Identifier: Apache-2.0
// Batch norms.
#include <array>
#include <cmath>

#include "common/kernels/arithmetic.h"
#include "common/kernels/reference.h"

namespace archpool::kernels::reference {
namespace {

constexpr double kEpsilon = 1e-5;
constexpr double kMomentum = 0.1;
constexpr int64_t kStrands = 8;

struct Sums {
  double first = 0;
  double second = 0;
};

// add(row, first, second) adds the terms of one row to a strand's two sums.
template <typename AddRow>
Sums SumRows(int64_t rows, const AddRow& add) {
  const int64_t block =
      std::max<int64_t>(256, kStrands * ((rows + 4095) / 4096));
  Sums sums;
  for (int64_t begin = 0; begin < rows; begin += block) {
    std::vector<float> first(kStrands);
    std::vector<float> second(kStrands);
    for (int64_t row = begin; row < std::min(begin + block, rows); ++row) {
      const auto strand = static_cast<size_t>((row - begin) % kStrands);
      add(row, first[strand], second[strand]);
    }
    sums.first += double{Tree(first)};
    sums.second += double{Tree(second)};
  }
  return sums;
}

size_t At(int64_t row, size_t channel, size_t channels) {
  return static_cast<size_t>(row) * channels + channel;
}

void Move(float& running, double towards) {
  running = static_cast<float>((1.0 - kMomentum) * double{running} +
                               kMomentum * towards);
}

}  // namespace

Values BatchNormForward(View input, const BatchNormParameters& parameters,
                        BatchStatistics& statistics) {
  const size_t channels = parameters.scale.size();
  const auto rows = static_cast<int64_t>(input.size() / channels);
  const auto count = static_cast<double>(rows);
  Values output(input.size());
  statistics = {Values(channels), Values(channels)};
  for (size_t c = 0; c < channels; ++c) {
    const float near = input[c];
    const Sums sums =
        SumRows(rows, [&](int64_t row, float& first, float& second) {
          const float distance = input[At(row, c, channels)] - near;
          first = first + distance;
          second = std::fma(distance, distance, second);
        });
    const double offset = sums.first / count;
    const double mean = double{near} + offset;
    const double spread = sums.second / count - offset * offset;
    const double variance = spread > 0 ? spread : 0;
    const double inverse = 1.0 / std::sqrt(variance + kEpsilon);
    const double others = count - 1.0;
    Move(parameters.running_mean[c], mean);
    Move(parameters.running_variance[c],
         variance * count / (others > 1.0 ? others : 1.0));
    statistics.mean[c] = static_cast<float>(mean);
    statistics.inverse[c] = static_cast<float>(inverse);
    const auto factor =
        static_cast<float>(inverse * double{parameters.scale[c]});
    for (int64_t row = 0; row < rows; ++row) {
      const size_t at = At(row, c, channels);
      output[at] = WithoutTiny(std::fma(input[at] - statistics.mean[c], factor,
                                        parameters.shift[c]));
    }
  }
  return output;
}

BatchNormGradients BatchNormBackward(View input, View gradient, View scale,
                                     const BatchStatistics& statistics) {
  const size_t channels = scale.size();
  const auto rows = static_cast<int64_t>(input.size() / channels);
  const auto count = static_cast<double>(rows);
  BatchNormGradients gradients{Values(input.size()), Values(channels),
                               Values(channels)};
  for (size_t c = 0; c < channels; ++c) {
    const float mean = statistics.mean[c];
    const Sums sums =
        SumRows(rows, [&](int64_t row, float& first, float& second) {
          const size_t at = At(row, c, channels);
          first = first + gradient[at];
          second = std::fma(gradient[at], input[at] - mean, second);
        });
    const double inverse{statistics.inverse[c]};
    const double factor = inverse * double{scale[c]};
    gradients.scale[c] = static_cast<float>(sums.second * inverse);
    gradients.shift[c] = static_cast<float>(sums.first);
    const auto of_gradient = static_cast<float>(factor);
    const auto of_value =
        static_cast<float>(-(factor * inverse * inverse * sums.second / count));
    const auto constant = static_cast<float>(-(factor * sums.first / count));
    for (int64_t row = 0; row < rows; ++row) {
      const size_t at = At(row, c, channels);
      gradients.input[at] =
          std::fma(gradient[at], of_gradient,
                   std::fma(input[at] - mean, of_value, constant));
    }
  }
  return gradients;
}

}  // namespace archpool::kernels::reference
