// SPDX-License-Identifier: Apache-2.0
// How long something lasts, as flags say it. Pure functions.
#ifndef ARCHPOOL_CLIENT_TERM_H_
#define ARCHPOOL_CLIENT_TERM_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/range.h"

namespace archpool {

// "7d", or a span of time as in task files. INVALID_ARGUMENT (FLAG_RANGE):
// `flag` is none, or outside of `range`, which `takes` says in words.
absl::StatusOr<absl::Duration> ReadTerm(const std::string& flag,
                                        const std::string& text,
                                        const Range<absl::Duration>& range,
                                        const std::string& takes);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_TERM_H_
