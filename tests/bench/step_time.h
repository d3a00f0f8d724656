// SPDX-License-Identifier: Apache-2.0
// How long a step of training takes: this thread's processor time alone, so
// that what else the machine does disturbs it little. Header-only.
#ifndef ARCHPOOL_TESTS_BENCH_STEP_TIME_H_
#define ARCHPOOL_TESTS_BENCH_STEP_TIME_H_

#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/status.h"
#include "common/kernels/training.h"
#include "common/nas/layer_plan.h"
#include "tests/bench/noise_images.h"

namespace archpool {

inline double ThreadNs() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 +
         static_cast<double>(now.tv_nsec);
}

// REQUIRES: values is not empty.
inline double Quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<size_t>(std::lround(part * last))];
}

// Nanoseconds, the median step of a training on images of noise that is stopped
// when it has lasted that long.
inline absl::StatusOr<double> StepNs(const LayerPlan& plan, Recipe recipe,
                                     int64_t batch, double seconds,
                                     const kernels::Machine& machine) {
  constexpr int64_t kWarmUpSteps = 2;
  constexpr size_t kStepsMin = 4;
  const Dataset train = NoiseImages(plan, batch * 16);
  recipe.batch_size = batch;
  recipe.epochs = 1'000'000;  // stopped long before
  recipe.learning_rate_ppm = 1'000;
  recipe.segments = 1;
  std::vector<double> steps;
  const double start = ThreadNs();
  double last = start;
  const auto watch = [&](const kernels::TrainingProgress& progress) {
    const double now = ThreadNs();
    if (progress.step > kWarmUpSteps) steps.push_back(now - last);
    last = now;
    return steps.size() < kStepsMin || now - start < seconds * 1e9;
  };
  const absl::Status status =
      kernels::Train(plan, recipe, {}, Sha256("step_time"), {}, train,
                     NoiseImages(plan, 1), watch, nullptr, nullptr, machine)
          .status();
  if (GetReason(status) != "TRAINING_STOPPED") return status;
  return Quantile(std::move(steps), 0.5);
}

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_BENCH_STEP_TIME_H_
