// SPDX-License-Identifier: Apache-2.0
#include "verifier/frames.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace archpool {
namespace {

absl::Status Gone() {
  return Unavailable("CHILD_GONE", "the examination's process has ended");
}

// How soon a stop is seen.
constexpr absl::Duration kGlance = absl::Milliseconds(50);

absl::Status WaitFor(int descriptor, int16_t events, const Patience& patience) {
  while (true) {
    if (patience.stop.stop_requested()) {
      return MakeError(absl::StatusCode::kCancelled, "STOPPED",
                       "the verifier stops: the examination is given up");
    }
    const absl::Duration left = patience.left.left();
    const absl::Duration longest =
        patience.stop.stop_possible() ? kGlance : absl::Milliseconds(INT_MAX);
    pollfd waiting{.fd = descriptor, .events = events, .revents = 0};
    const int ready =
        poll(&waiting, 1,
             static_cast<int>(absl::ToInt64Milliseconds(
                 absl::Ceil(std::min(left, longest), absl::Milliseconds(1)))));
    if (ready > 0) return absl::OkStatus();
    if (ready < 0 && errno != EINTR) return Gone();
    if (ready < 0 || left > absl::ZeroDuration()) continue;
    return MakeError(absl::StatusCode::kDeadlineExceeded, "CHILD_SLOW",
                     "the examination took too long");
  }
}

absl::Status ReadAll(int descriptor, char* to, size_t size,
                     const Patience& patience) {
  while (size > 0) {
    ARCHPOOL_RETURN_IF_ERROR(WaitFor(descriptor, POLLIN, patience));
    const ssize_t count = read(descriptor, to, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Gone();
    to += count;
    size -= static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

absl::Status WriteAll(int descriptor, absl::string_view bytes,
                      const Patience& patience) {
  // A pipe that is ready takes this much without waiting.
  constexpr size_t kPortion = PIPE_BUF;
  while (!bytes.empty()) {
    ARCHPOOL_RETURN_IF_ERROR(WaitFor(descriptor, POLLOUT, patience));
    const ssize_t count =
        write(descriptor, bytes.data(), std::min(bytes.size(), kPortion));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Gone();
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteFrame(int descriptor, absl::string_view bytes,
                        const Patience& patience) {
  const uint64_t size = bytes.size();
  char header[sizeof(size)];
  std::memcpy(header, &size, sizeof(size));
  ARCHPOOL_RETURN_IF_ERROR(
      WriteAll(descriptor, {header, sizeof(header)}, patience));
  return WriteAll(descriptor, bytes, patience);
}

absl::StatusOr<std::string> ReadFrame(int descriptor, int64_t bytes_max,
                                      const Patience& patience) {
  uint64_t size = 0;
  char header[sizeof(size)];
  ARCHPOOL_RETURN_IF_ERROR(
      ReadAll(descriptor, header, sizeof(header), patience));
  std::memcpy(&size, header, sizeof(size));
  if (size > static_cast<uint64_t>(bytes_max)) {
    return InvalidArgument("FRAME_TOO_LARGE",
                           absl::StrCat("a frame of ", size, " bytes, and ",
                                        bytes_max, " are allowed"));
  }
  std::string bytes(size, '\0');
  ARCHPOOL_RETURN_IF_ERROR(
      ReadAll(descriptor, bytes.data(), bytes.size(), patience));
  return bytes;
}

}  // namespace archpool
