// SPDX-License-Identifier: Apache-2.0
// The three streams that every program is started with.
#ifndef ARCHPOOL_COMMON_BASE_STANDARD_STREAMS_H_
#define ARCHPOOL_COMMON_BASE_STANDARD_STREAMS_H_

#include <ostream>

#include "absl/status/status.h"

namespace archpool {

// Takes the places of standard streams that were closed, so that no file or
// connection that is opened later gets their numbers, and what is written to
// stdout or stderr ends in it. Writing to a stream that was closed still
// fails. First thing in main.
void ReserveStandardStreams();

// Writes out what `out` still holds. INTERNAL (OUTPUT_LOST): what was written
// did not all arrive, with the system's reason where it is known.
absl::Status FlushOutput(std::ostream& out);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_STANDARD_STREAMS_H_
