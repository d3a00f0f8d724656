// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/bounded_log.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace archpool::postgres {
namespace {

absl::Status BoundError(absl::string_view what, const std::string& name) {
  return Internal("POSTGRES_LOG", absl::StrCat("cannot ", what, " ", name, ": ",
                                               std::strerror(errno)));
}

// From `offset` to the end.
bool CopyRest(int from, off_t offset, int to) {
  while (true) {
    const ssize_t copied = sendfile(to, from, &offset, size_t{1} << 20);
    if (copied == 0) return true;
    if (copied < 0 && errno != EINTR) return false;
  }
}

// The end of the log under another name; without it where that cannot be.
void KeepEnd(int directory_fd, int log, off_t offset, const std::string& name) {
  unlinkat(directory_fd, name.c_str(), 0);
  const int kept =
      openat(directory_fd, name.c_str(),
             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (kept < 0) return;
  const bool is_whole = CopyRest(log, offset, kept);
  close(kept);
  if (!is_whole) unlinkat(directory_fd, name.c_str(), 0);
}

}  // namespace

absl::Status BoundLog(int directory_fd, const std::string& name,
                      int64_t bytes_max) {
  const int log = openat(directory_fd, name.c_str(),
                         O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (log < 0) {
    return errno == ENOENT ? absl::OkStatus() : BoundError("open", name);
  }
  const absl::Cleanup close_log = [log] { close(log); };
  struct stat found;
  if (fstat(log, &found) != 0) return BoundError("read", name);
  if (!S_ISREG(found.st_mode) || found.st_nlink != 1 ||
      found.st_size <= bytes_max) {
    return absl::OkStatus();
  }
  KeepEnd(directory_fd, log, found.st_size - bytes_max, name + ".1");
  if (ftruncate(log, 0) != 0) return BoundError("empty", name);
  return absl::OkStatus();
}

}  // namespace archpool::postgres
