// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/schedule.h"

#include <algorithm>

#include "common/base/check.h"

namespace archpool::kernels {
namespace {

constexpr double kHalfPi = 1.5707963267948966;

// (1 + cos(pi * fraction)) / 2 for fraction in [0, 1]: 1 - sin²(x) for
// x = pi/2 * fraction. The Taylor series stands in for libm, whose last bit
// differs between machines; its error stays below 1e-12.
double CosineFall(double fraction) {
  const double x = kHalfPi * fraction;
  const double square = x * x;
  double term = x;
  double sine = x;
  for (int n = 3; n <= 19; n += 2) {
    term = -term * square / static_cast<double>(n * (n - 1));
    sine += term;
  }
  return 1.0 - sine * sine;
}

}  // namespace

Schedule::Schedule(const Recipe& recipe, int64_t examples, int64_t rung)
    : batch_size_(std::min(recipe.batch_size, examples)),
      peak_(static_cast<double>(recipe.learning_rate_ppm) / 1e6) {
  ARCHPOOL_CHECK(batch_size_ > 0 && recipe.EpochsOfRung(rung) > 0);
  steps_per_epoch_ = examples / batch_size_;
  steps_ = steps_per_epoch_ * recipe.EpochsOfRung(rung);
  warmup_steps_ = steps_ * recipe.warmup_ppm / 1'000'000;
}

double Schedule::LearningRate(int64_t step) const {
  if (step < warmup_steps_) {
    return peak_ * static_cast<double>(step + 1) /
           static_cast<double>(warmup_steps_);
  }
  return peak_ * CosineFall(static_cast<double>(step - warmup_steps_) /
                            static_cast<double>(steps_ - warmup_steps_));
}

}  // namespace archpool::kernels
