// Byte strings over a pipe between a verifier and its child, each with its
// length before it. Thread-compatible.
#ifndef ARCHPOOL_SERVER_VERIFIER_FRAMES_H_
#define ARCHPOOL_SERVER_VERIFIER_FRAMES_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace archpool {

// UNAVAILABLE (CHILD_GONE): the other side has closed. DEADLINE_EXCEEDED
// (CHILD_SLOW). Nothing else is said about the other side.
absl::Status WriteFrame(int descriptor, absl::string_view bytes,
                        absl::Time deadline = absl::InfiniteFuture());
// INVALID_ARGUMENT (FRAME_TOO_LARGE): more than `bytes_max`.
absl::StatusOr<std::string> ReadFrame(
    int descriptor, int64_t bytes_max,
    absl::Time deadline = absl::InfiniteFuture());

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_VERIFIER_FRAMES_H_
