// SPDX-License-Identifier: Apache-2.0
#include "server/storage/removal_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/time/time.h"
#include "common/base/status.h"
#include "common/base/stop.h"
#include "server/storage/storage_errors.h"

namespace archpool {
namespace {

constexpr char kLockName[] = "/removal-lock";
constexpr absl::Duration kLockPause = absl::Milliseconds(50);

// False: another process has it in a way that excludes this one.
absl::StatusOr<bool> TryFlock(int fd, int kind, const std::string& path) {
  while (flock(fd, kind | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) return StorageError("lock", path, errno);
  }
  return true;
}

}  // namespace

absl::StatusOr<RemovalLock> RemovalLock::Open(const std::string& directory) {
  const std::string path = directory + kLockName;
  const int fd = open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return StorageError("open", path, errno);
  // A backup that root makes is no reason for the server to be kept out. Where
  // it may not be given away, it was made by who has the directory.
  struct stat owner;
  if (stat(directory.c_str(), &owner) == 0 &&
      fchown(fd, owner.st_uid, owner.st_gid) != 0) {
    errno = 0;
  }
  return RemovalLock(fd);
}

absl::StatusOr<std::optional<RemovalLock>> RemovalLock::TryToRemove(
    const std::string& directory) {
  ARCHPOOL_ASSIGN_OR_RETURN(RemovalLock lock, Open(directory));
  ARCHPOOL_ASSIGN_OR_RETURN(const bool is_held,
                            TryFlock(lock.fd_, LOCK_EX, directory));
  if (!is_held) return std::nullopt;
  return std::optional<RemovalLock>(std::move(lock));
}

absl::StatusOr<RemovalLock> RemovalLock::ToCopy(const std::string& directory,
                                                const std::stop_token& stop) {
  ARCHPOOL_ASSIGN_OR_RETURN(RemovalLock lock, Open(directory));
  while (true) {
    ARCHPOOL_ASSIGN_OR_RETURN(const bool is_held,
                              TryFlock(lock.fd_, LOCK_SH, directory));
    if (is_held) return lock;
    if (WaitOrStop(stop, kLockPause)) {
      return Unavailable("STOPPED",
                         "stopped while it waited for the server "
                         "to end a removal of files");
    }
  }
}

RemovalLock::~RemovalLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace archpool
