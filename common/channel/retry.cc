// SPDX-License-Identifier: Apache-2.0
#include "common/channel/retry.h"

#include <algorithm>

namespace archpool {

Backoff::Backoff(const RetryPolicy& policy)
    : policy_(policy), range_(policy.pause_min) {}

absl::Duration Backoff::Next() {
  const absl::Duration pause =
      range_ * absl::Uniform<double>(generator_, 0.5, 1.0);
  range_ = std::min(2 * range_, policy_.pause_max);
  return pause;
}

bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsAborted(status);
}

}  // namespace archpool
