// SPDX-License-Identifier: Apache-2.0
// The form of a reason that programs match on.
#ifndef ARCHPOOL_COMMON_BASE_REASON_H_
#define ARCHPOOL_COMMON_BASE_REASON_H_

#include "absl/strings/string_view.h"

namespace archpool {

// Whether a reason from outside may be shown and stored: 1 to 64 of [A-Z0-9_].
bool IsReason(absl::string_view text);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_REASON_H_
