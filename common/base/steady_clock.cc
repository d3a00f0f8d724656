// SPDX-License-Identifier: Apache-2.0
#include "common/base/steady_clock.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "absl/time/clock.h"
#include "common/base/check.h"

namespace archpool {
namespace {

// How much faster or slower than time itself the clock may run.
constexpr int64_t kCorrectionPart = 100;

absl::Duration SinceBoot() {
  timespec now{};
  ARCHPOOL_CHECK(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
  return absl::DurationFromTimespec(now);
}

absl::Time InMicros(absl::Time time) {
  return absl::FromUnixMicros(absl::ToUnixMicros(time));
}

}  // namespace

SteadyClock::SteadyClock() : SteadyClock({absl::Now, SinceBoot}) {}

SteadyClock::SteadyClock(Sources sources)
    : sources_(std::move(sources)),
      now_(sources_.system_time()),
      system_time_(now_),
      elapsed_(sources_.elapsed()) {}

absl::Duration SteadyClock::Look() const {
  const absl::Time system_time = sources_.system_time();
  const absl::Duration elapsed = sources_.elapsed();
  const absl::Duration passed =
      std::max(absl::ZeroDuration(), elapsed - elapsed_);
  const absl::Duration step = system_time - system_time_ - passed;
  system_time_ = system_time;
  elapsed_ = elapsed;
  now_ += passed;
  const absl::Duration correction_max = passed / kCorrectionPart;
  now_ += std::clamp(system_time - now_, -correction_max, correction_max);
  return absl::AbsDuration(step) >= kStepMin ? step : absl::ZeroDuration();
}

absl::Time SteadyClock::Now() const {
  absl::Time now;
  absl::Duration step;
  {
    const std::lock_guard lock(mutex_);
    step = Look();
    now = InMicros(now_);
  }
  if (step != absl::ZeroDuration() && listener_) listener_(step);
  return now;
}

void SteadyClock::OnStep(std::function<void(absl::Duration)> listener) {
  listener_ = std::move(listener);
}

void SteadyClock::AdvanceTo(absl::Time floor) {
  const std::lock_guard lock(mutex_);
  now_ = std::max(now_, floor);
}

absl::Duration SteadyClock::Ahead() const {
  const absl::Time now = Now();
  const std::lock_guard lock(mutex_);
  return now - system_time_;
}

}  // namespace archpool
