#include "common/kernels/inner/norm_statistics.h"

#include <algorithm>
#include <cmath>

namespace archpool::kernels {
namespace {

constexpr double kEpsilon = 1e-5;
constexpr double kMomentum = 0.1;

double SumOfBlocks(const float* sums, int64_t blocks, int64_t stride) {
  double sum = 0;
  for (int64_t block = 0; block < blocks; ++block) {
    sum += double{sums[block * stride]};
  }
  return sum;
}

}  // namespace

int64_t NormBlockRows(int64_t rows) {
  return std::max<int64_t>(256, 8 * ((rows + 4095) / 4096));
}

bool FinishNormStatistics(const NormStatistics& of) {
  const auto count = static_cast<double>(of.rows);
  bool is_finite = true;
  for (int64_t c = 0; c < of.channels; ++c) {
    const double offset =
        SumOfBlocks(of.sums + c, of.blocks, of.stride) / count;
    const double mean = double{of.origin[c]} + offset;
    const double variance =
        SumOfBlocks(of.squares + c, of.blocks, of.stride) / count -
        offset * offset;
    const double kept = variance > 0 ? variance : 0.0;
    const double inverse = 1.0 / std::sqrt(kept + kEpsilon);
    of.mean[c] = static_cast<float>(mean);
    of.inverse[c] = static_cast<float>(inverse);
    of.factor[c] = static_cast<float>(inverse * double{of.scale[c]});
    of.next_running_mean[c] = static_cast<float>(
        (1.0 - kMomentum) * double{of.running_mean[c]} + kMomentum * mean);
    of.next_running_variance[c] = static_cast<float>(
        (1.0 - kMomentum) * double{of.running_variance[c]} +
        kMomentum * (kept * count / std::max(count - 1.0, 1.0)));
    is_finite = is_finite && std::isfinite(of.next_running_mean[c]) &&
                std::isfinite(of.next_running_variance[c]);
  }
  return is_finite;
}

void FinishNormGradients(const NormGradientStatistics& of) {
  const auto count = static_cast<double>(of.rows);
  for (int64_t c = 0; c < of.channels; ++c) {
    const double sum = SumOfBlocks(of.sums + c, of.blocks, of.stride);
    const double product = SumOfBlocks(of.products + c, of.blocks, of.stride);
    const double inverse{of.inverse[c]};
    const double factor = inverse * double{of.scale[c]};
    of.scale_gradient[c] = static_cast<float>(product * inverse);
    of.shift_gradient[c] = static_cast<float>(sum);
    of.of_gradient[c] = static_cast<float>(factor);
    of.of_value[c] =
        static_cast<float>(-(factor * inverse * inverse * product / count));
    of.constant[c] = static_cast<float>(-(factor * sum / count));
  }
}

}  // namespace archpool::kernels
