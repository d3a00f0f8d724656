// SPDX-License-Identifier: Apache-2.0
#include "server/core/rules/expiry_hold.h"

#include <algorithm>

namespace archpool {

// Less than a gap, so that loading the state again is none.
absl::Duration NoteInterval(const PoolPolicy& policy) {
  return std::min(absl::Seconds(5), policy.silence_term / 12);
}

}  // namespace archpool
