// SPDX-License-Identifier: Apache-2.0
#include "common/channel/line_meter.h"

#include <algorithm>
#include <utility>

#include "common/base/countdown.h"

namespace archpool {
namespace {

constexpr int64_t kBytesMin = 128 << 10;

}  // namespace

LineMeter::LineMeter()
    : LineMeter([watch = Stopwatch()] { return watch.elapsed(); }) {}

LineMeter::LineMeter(std::function<absl::Duration()> elapsed)
    : elapsed_(std::move(elapsed)) {}

void LineMeter::Add(int64_t bytes, absl::Duration took) {
  if (bytes < kBytesMin) return;
  const double seconds =
      absl::ToDoubleSeconds(std::max(took, absl::Milliseconds(1)));
  const auto seen = std::max<int64_t>(
      1, static_cast<int64_t>(static_cast<double>(bytes) / seconds));
  const absl::MutexLock lock(&mutex_);
  const int64_t before = Fresh();
  bytes_per_second_ = before == 0 ? seen : (before + seen) / 2;
  last_ = elapsed_();
}

int64_t LineMeter::bytes_per_second() const {
  const absl::MutexLock lock(&mutex_);
  return Fresh();
}

int64_t LineMeter::Fresh() const {
  return elapsed_() - last_ < kTerm ? bytes_per_second_ : 0;
}

}  // namespace archpool
