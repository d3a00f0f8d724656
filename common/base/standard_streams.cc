// SPDX-License-Identifier: Apache-2.0
#include "common/base/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace archpool {

void ReserveStandardStreams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is the one that is missing. Opened the wrong way
    // round: what was closed stays unusable.
    const int opened =
        open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    if (opened < 0) return;
  }
}

absl::Status FlushOutput(std::ostream& out) {
  errno = 0;
  out.flush();
  if (out.good()) return absl::OkStatus();
  const int error = errno;
  return Internal(
      "OUTPUT_LOST",
      absl::StrCat("the output could not be written",
                   error == 0 ? std::string()
                              : absl::StrCat(": ", std::strerror(error))));
}

}  // namespace archpool
