#include "common/channel/line_meter.h"

#include <algorithm>

namespace archpool {
namespace {

constexpr int64_t kBytesMin = 128 << 10;

}  // namespace

void LineMeter::Add(int64_t bytes, absl::Duration elapsed) {
  if (bytes < kBytesMin) return;
  const double seconds =
      absl::ToDoubleSeconds(std::max(elapsed, absl::Milliseconds(1)));
  const auto seen = static_cast<int64_t>(static_cast<double>(bytes) / seconds);
  const absl::MutexLock lock(&mutex_);
  bytes_per_second_ =
      bytes_per_second_ == 0 ? seen : (bytes_per_second_ + seen) / 2;
}

int64_t LineMeter::bytes_per_second() const {
  const absl::MutexLock lock(&mutex_);
  return bytes_per_second_;
}

}  // namespace archpool
