#include "server/verifier/frames.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status.h"

namespace archpool {
namespace {

absl::Status Gone() {
  return Unavailable("CHILD_GONE", "the examination's process has ended");
}

absl::Status WaitFor(int descriptor, int16_t events, absl::Time deadline) {
  if (deadline == absl::InfiniteFuture()) return absl::OkStatus();
  while (true) {
    const int64_t left_ms = absl::ToInt64Milliseconds(deadline - absl::Now());
    pollfd waiting{.fd = descriptor, .events = events, .revents = 0};
    const int ready =
        poll(&waiting, 1,
             static_cast<int>(std::clamp<int64_t>(left_ms, 0, INT_MAX)));
    if (ready > 0) return absl::OkStatus();
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return Gone();
    return MakeError(absl::StatusCode::kDeadlineExceeded, "CHILD_SLOW",
                     "the examination took too long");
  }
}

absl::Status ReadAll(int descriptor, char* to, size_t size,
                     absl::Time deadline) {
  while (size > 0) {
    ARCHPOOL_RETURN_IF_ERROR(WaitFor(descriptor, POLLIN, deadline));
    const ssize_t count = read(descriptor, to, size);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Gone();
    to += count;
    size -= static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

absl::Status WriteAll(int descriptor, absl::string_view bytes,
                      absl::Time deadline) {
  // A pipe that is ready takes this much without waiting.
  constexpr size_t kPortion = PIPE_BUF;
  while (!bytes.empty()) {
    ARCHPOOL_RETURN_IF_ERROR(WaitFor(descriptor, POLLOUT, deadline));
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
                        absl::Time deadline) {
  const uint64_t size = bytes.size();
  char header[sizeof(size)];
  std::memcpy(header, &size, sizeof(size));
  ARCHPOOL_RETURN_IF_ERROR(
      WriteAll(descriptor, {header, sizeof(header)}, deadline));
  return WriteAll(descriptor, bytes, deadline);
}

absl::StatusOr<std::string> ReadFrame(int descriptor, int64_t bytes_max,
                                      absl::Time deadline) {
  uint64_t size = 0;
  char header[sizeof(size)];
  ARCHPOOL_RETURN_IF_ERROR(
      ReadAll(descriptor, header, sizeof(header), deadline));
  std::memcpy(&size, header, sizeof(size));
  if (size > static_cast<uint64_t>(bytes_max)) {
    return InvalidArgument("FRAME_TOO_LARGE",
                           absl::StrCat("a frame of ", size, " bytes, and ",
                                        bytes_max, " are allowed"));
  }
  std::string bytes(size, '\0');
  ARCHPOOL_RETURN_IF_ERROR(
      ReadAll(descriptor, bytes.data(), bytes.size(), deadline));
  return bytes;
}

}  // namespace archpool
