// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/inner/norm_statistics.h"

#include <algorithm>
#include <cmath>

namespace archpool::kernels {
namespace {

constexpr double kEpsilon = 1e-5;
constexpr double kMomentum = 0.1;

struct Sums {
  double first = 0;
  double second = 0;
};

Sums AddBlocks(const NormBlockSums& sums, int64_t channel) {
  Sums all;
  const int64_t blocks = NormBlocks(sums.rows);
  for (int64_t block = 0; block < blocks; ++block) {
    all.first += double{sums.first[block * sums.stride + channel]};
    all.second += double{sums.second[block * sums.stride + channel]};
  }
  return all;
}

float Moved(float running, double towards) {
  return static_cast<float>((1.0 - kMomentum) * double{running} +
                            kMomentum * towards);
}

// Infinities and NaN less themselves are NaN.
bool IsFinite(float value) { return value - value == 0.0f; }

}  // namespace

int64_t NormBlockRows(int64_t rows) {
  return std::max<int64_t>(256, 8 * ((rows + 4095) / 4096));
}

int64_t NormBlocks(int64_t rows) {
  const int64_t block = NormBlockRows(rows);
  return (rows + block - 1) / block;
}

bool FinishNorm(const NormStatistics& statistics) {
  const auto count = static_cast<double>(statistics.sums.rows);
  const double others = count - 1.0;
  bool finite = true;
  for (int64_t c = 0; c < statistics.channels; ++c) {
    const Sums sums = AddBlocks(statistics.sums, c);
    const double offset = sums.first / count;
    const double mean = double{statistics.origin[c]} + offset;
    const double spread = sums.second / count - offset * offset;
    const double variance = spread > 0 ? spread : 0;
    const double inverse = 1.0 / std::sqrt(variance + kEpsilon);
    statistics.mean[c] = static_cast<float>(mean);
    statistics.inverse[c] = static_cast<float>(inverse);
    statistics.factor[c] =
        static_cast<float>(inverse * double{statistics.scale[c]});
    const float next_mean = Moved(statistics.running_mean[c], mean);
    const float next_variance =
        Moved(statistics.running_variance[c],
              variance * count / (others > 1.0 ? others : 1.0));
    statistics.next_running_mean[c] = next_mean;
    statistics.next_running_variance[c] = next_variance;
    finite = finite && IsFinite(next_mean) && IsFinite(next_variance);
  }
  return finite;
}

void FinishNormGradient(const NormGradients& gradients) {
  const auto count = static_cast<double>(gradients.sums.rows);
  for (int64_t c = 0; c < gradients.channels; ++c) {
    const Sums sums = AddBlocks(gradients.sums, c);
    const double inverse{gradients.inverse[c]};
    const double factor = inverse * double{gradients.scale[c]};
    gradients.scale_gradient[c] = static_cast<float>(sums.second * inverse);
    gradients.shift_gradient[c] = static_cast<float>(sums.first);
    gradients.of_gradient[c] = static_cast<float>(factor);
    gradients.of_value[c] =
        static_cast<float>(-(factor * inverse * inverse * sums.second / count));
    gradients.constant[c] = static_cast<float>(-(factor * sums.first / count));
  }
}

}  // namespace archpool::kernels
