// SPDX-License-Identifier: Apache-2.0
// Keeps a backup and the removal of blobs apart, which are two processes: what
// a backup's snapshot names is copied before any of it goes. A lock on a file
// beside the blobs; the end of a process ends it. Thread-compatible.
#ifndef ARCHPOOL_SERVER_STORAGE_REMOVAL_LOCK_H_
#define ARCHPOOL_SERVER_STORAGE_REMOVAL_LOCK_H_

#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace archpool {

// Held for as long as it lives.
class RemovalLock {
 public:
  // For who removes: nullopt while somebody copies. `directory` is the blob
  // store's. Errors of StorageError.
  static absl::StatusOr<std::optional<RemovalLock>> TryToRemove(
      const std::string& directory);
  // For who copies: waits for what is being removed, which takes moments.
  // Several may copy. UNAVAILABLE (STOPPED); errors of StorageError.
  static absl::StatusOr<RemovalLock> ToCopy(const std::string& directory,
                                            const std::stop_token& stop);

  ~RemovalLock();
  RemovalLock(RemovalLock&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)) {}
  RemovalLock& operator=(RemovalLock&&) = delete;

 private:
  explicit RemovalLock(int fd) : fd_(fd) {}
  static absl::StatusOr<RemovalLock> Open(const std::string& directory);

  int fd_;  // -1: moved from
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_REMOVAL_LOCK_H_
