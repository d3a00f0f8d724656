#include "common/base/clock.h"

#include "absl/time/clock.h"

namespace archpool {

absl::Time SystemClock::Now() const { return absl::Now(); }

}  // namespace archpool
