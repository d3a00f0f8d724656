// SPDX-License-Identifier: Apache-2.0
// Calls whose outcome nobody heard: the line was cut, or the person stopped the
// command, while the server may have done what it was asked.
#ifndef ARCHPOOL_CLIENT_DOUBT_H_
#define ARCHPOOL_CLIENT_DOUBT_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace archpool {

// Whether a call that failed with `status` may have been carried out.
bool IsInDoubt(const absl::Status& status);

// `status` with the reason OUTCOME_UNKNOWN, beginning with `sentence`: what may
// have happened, and how to find out or ask again. It is shown also where the
// command was stopped.
absl::Status InDoubt(const absl::Status& status, absl::string_view sentence);

// Whether InDoubt made it.
bool SaysDoubt(const absl::Status& status);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_DOUBT_H_
