// SPDX-License-Identifier: Apache-2.0
// Byte strings over a pipe between a verifier and its child, each with its
// length before it. Thread-compatible.
#ifndef ARCHPOOL_VERIFIER_FRAMES_H_
#define ARCHPOOL_VERIFIER_FRAMES_H_

#include <cstdint>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/countdown.h"

namespace archpool {

// How long to wait for the other side.
struct Patience {
  Countdown left = {};  // never over
  std::stop_token stop = {};
};

// UNAVAILABLE (CHILD_GONE): the other side has closed. DEADLINE_EXCEEDED
// (CHILD_SLOW); CANCELLED (STOPPED). Nothing else is said about the other side.
absl::Status WriteFrame(int descriptor, absl::string_view bytes,
                        const Patience& patience = {});
// INVALID_ARGUMENT (FRAME_TOO_LARGE): more than `bytes_max`.
absl::StatusOr<std::string> ReadFrame(int descriptor, int64_t bytes_max,
                                      const Patience& patience = {});

}  // namespace archpool

#endif  // ARCHPOOL_VERIFIER_FRAMES_H_
