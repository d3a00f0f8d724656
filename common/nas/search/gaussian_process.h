// SPDX-License-Identifier: Apache-2.0
// A Gaussian process over architectures whose kernel sees only in how many
// dimensions two of them differ: choices are categories, so the order and the
// names of choices do not matter. Value type; thread-compatible.
#ifndef ARCHPOOL_COMMON_NAS_SEARCH_GAUSSIAN_PROCESS_H_
#define ARCHPOOL_COMMON_NAS_SEARCH_GAUSSIAN_PROCESS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "common/nas/search_space.h"

namespace archpool {

// k(h) for h differing dimensions of D, unit variance at h = 0:
//   linear · (1 − h/D) + (1 − linear) · decay^h
struct MatchKernel {
  double linear = 0.5;  // main effects: what each choice adds by itself
  double decay = 0.7;   // interactions
  double noise = 0.01;  // variance of an observation, to the signal's
};

// The product of vectors of one size; eight sums side by side, added up in a
// fixed order.
double Dot(absl::Span<const double> a, absl::Span<const double> b);

class GaussianProcess {
 public:
  // `values` are taken to mean 0 and deviation 1 inside.
  // REQUIRES: as many values as points; at most a few hundred: cubic.
  GaussianProcess(const MatchKernel& kernel,
                  absl::Span<const Architecture> points,
                  absl::Span<const double> values);

  // The likelihood of the values, for comparing kernels.
  double LogLikelihood() const { return log_likelihood_; }

  // v with k(c, points) = L v, so that the mean is v · weights and the variance
  // 1 − v · v.
  std::vector<double> Project(const Architecture& architecture) const;
  // Projects many, in their order; several times as fast as one by one.
  std::vector<std::vector<double>> Project(
      absl::Span<const Architecture> architectures) const;
  double MeanOf(absl::Span<const double> projection) const;  // standardised
  // The same without a projection, in as many steps as there are points.
  double MeanAt(const Architecture& architecture) const;
  double Covariance(const Architecture& a, const Architecture& b) const;
  double noise() const { return kernel_noise_; }

 private:
  size_t size_;
  double kernel_noise_;
  std::vector<double> by_distance_;
  std::vector<Architecture> points_;
  std::vector<double> lower_;  // L, row by row, full square
  std::vector<double> weights_;
  std::vector<double> dual_;  // L⁻ᵀ weights: the mean is k(c, points) · dual
  double log_likelihood_ = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_SEARCH_GAUSSIAN_PROCESS_H_
