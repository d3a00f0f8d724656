// SPDX-License-Identifier: Apache-2.0
#include "common/nas/search/gaussian_process.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "common/base/check.h"

// Wider registers where there are some: the same sums in the same order, so the
// same bits. Sanitizers cannot run before a program has chosen.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define ARCHPOOL_WIDE __attribute__((target_clones("avx2", "default")))
#else
#define ARCHPOOL_WIDE
#endif

namespace archpool {
namespace {

size_t DistanceOf(const Architecture& a, const Architecture& b) {
  size_t distance = 0;
  for (size_t d = 0; d < a.choices.size(); ++d) {
    distance += a.choices[d] != b.choices[d] ? 1 : 0;
  }
  return distance;
}

std::vector<double> Standardised(absl::Span<const double> values) {
  double mean = 0;
  for (const double value : values) mean += value;
  mean /= static_cast<double>(std::max<size_t>(1, values.size()));
  double variance = 0;
  for (const double value : values) variance += (value - mean) * (value - mean);
  variance /= static_cast<double>(std::max<size_t>(1, values.size()));
  const double deviation = variance > 0 ? std::sqrt(variance) : 1;
  std::vector<double> standardised;
  for (const double value : values) {
    standardised.push_back((value - mean) / deviation);
  }
  return standardised;
}

}  // namespace

ARCHPOOL_WIDE
double Dot(absl::Span<const double> a, absl::Span<const double> b) {
  constexpr size_t kLanes = 8;
  std::array<double, kLanes> sums = {};
  size_t i = 0;
  for (; i + kLanes <= a.size(); i += kLanes) {
    for (size_t l = 0; l < kLanes; ++l) sums[l] += a[i + l] * b[i + l];
  }
  double sum = 0;
  for (; i < a.size(); ++i) sum += a[i] * b[i];
  for (const double one : sums) sum += one;
  return sum;
}

GaussianProcess::GaussianProcess(const MatchKernel& kernel,
                                 absl::Span<const Architecture> points,
                                 absl::Span<const double> values)
    : size_(points.size()),
      kernel_noise_(kernel.noise),
      points_(points.begin(), points.end()) {
  ARCHPOOL_CHECK(values.size() == points.size());
  const size_t dimensions = points.empty() ? 128 : points[0].choices.size();
  for (size_t h = 0; h <= dimensions; ++h) {
    const auto share = static_cast<double>(h) / static_cast<double>(dimensions);
    by_distance_.push_back(kernel.linear * (1 - share) +
                           (1 - kernel.linear) *
                               std::pow(kernel.decay, static_cast<double>(h)));
  }
  const std::vector<double> y = Standardised(values);
  lower_.assign(size_ * size_, 0);
  weights_.assign(size_, 0);
  for (size_t i = 0; i < size_; ++i) {
    double* row = &lower_[i * size_];
    for (size_t j = 0; j <= i; ++j) {
      const double* other = &lower_[j * size_];
      const double sum =
          Covariance(points_[i], points_[j]) - Dot({row, j}, {other, j});
      if (j < i) {
        row[j] = sum / other[j];
      } else {
        row[i] = std::sqrt(std::max(1e-9, sum + kernel.noise));
      }
    }
    double sum = y[i];
    for (size_t k = 0; k < i; ++k) sum -= row[k] * weights_[k];
    weights_[i] = sum / row[i];
    log_likelihood_ -= 0.5 * weights_[i] * weights_[i] + std::log(row[i]);
  }
  dual_ = weights_;
  for (size_t i = size_; i-- > 0;) {
    dual_[i] /= lower_[i * size_ + i];
    for (size_t k = 0; k < i; ++k) dual_[k] -= lower_[i * size_ + k] * dual_[i];
  }
}

double GaussianProcess::MeanAt(const Architecture& architecture) const {
  double mean = 0;
  for (size_t i = 0; i < size_; ++i) {
    mean += Covariance(architecture, points_[i]) * dual_[i];
  }
  return mean;
}

double GaussianProcess::Covariance(const Architecture& a,
                                   const Architecture& b) const {
  return by_distance_[DistanceOf(a, b)];
}

std::vector<double> GaussianProcess::Project(
    const Architecture& architecture) const {
  return Project(absl::MakeConstSpan(&architecture, 1))[0];
}

ARCHPOOL_WIDE
std::vector<std::vector<double>> GaussianProcess::Project(
    absl::Span<const Architecture> architectures) const {
  std::vector<std::vector<double>> projections;
  projections.reserve(architectures.size());
  // Side by side: sums of one projection wait for each other, sums of eight do
  // not.
  constexpr size_t kLanes = 8;
  std::vector<std::array<double, kLanes>> v(size_);
  for (size_t first = 0; first < architectures.size(); first += kLanes) {
    const size_t lanes = std::min(kLanes, architectures.size() - first);
    for (size_t i = 0; i < size_; ++i) {
      std::array<double, kLanes> sums = {};
      for (size_t l = 0; l < lanes; ++l) {
        sums[l] = Covariance(architectures[first + l], points_[i]);
      }
      const double* row = &lower_[i * size_];
      for (size_t k = 0; k < i; ++k) {
        for (size_t l = 0; l < kLanes; ++l) sums[l] -= row[k] * v[k][l];
      }
      for (size_t l = 0; l < kLanes; ++l) v[i][l] = sums[l] / row[i];
    }
    for (size_t l = 0; l < lanes; ++l) {
      std::vector<double>& one = projections.emplace_back(size_);
      for (size_t i = 0; i < size_; ++i) one[i] = v[i][l];
    }
  }
  return projections;
}

double GaussianProcess::MeanOf(absl::Span<const double> projection) const {
  return Dot(projection.first(size_), weights_);
}

}  // namespace archpool
