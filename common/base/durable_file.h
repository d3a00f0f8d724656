// SPDX-License-Identifier: Apache-2.0
// Files that are there whole or not at all, whenever the machine stops.
#ifndef ARCHPOOL_COMMON_BASE_DURABLE_FILE_H_
#define ARCHPOOL_COMMON_BASE_DURABLE_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace archpool {

// Replaces the file at `path` by one that holds `bytes`: written beside,
// synced, renamed, its directory synced. FAILED_PRECONDITION (FILE_UNWRITABLE),
// with the cause; RESOURCE_EXHAUSTED (DISK_FULL). Thread-safe for different
// paths.
absl::Status WriteFileDurably(const std::string& path, absl::string_view bytes);

// Makes the file at `path`, readable as the umask says, whole or not at all
// whenever the process or the machine stops: it gets its name once its bytes
// are on the disk. ALREADY_EXISTS (FILE_EXISTS): something is there. Other
// errors as WriteFileDurably. On file systems that cannot do so, such as those
// of USB sticks, a machine that stops may leave a part of it.
absl::Status WriteNewFile(const std::string& path, absl::string_view bytes);

// A file that was not there before, for its owner alone, for what must not be
// lost and must replace nothing. Thread-compatible.
class NewFile {
 public:
  // Makes `path` with `bytes` in it, synced. ALREADY_EXISTS (FILE_EXISTS):
  // something is there, be it a link, a device or an empty file. Other errors
  // as WriteFileDurably; nothing is left behind then.
  static absl::StatusOr<NewFile> Create(const std::string& path,
                                        absl::string_view bytes);
  // Removes the file unless it was kept.
  ~NewFile();
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;

  void Keep() { path_.clear(); }

 private:
  explicit NewFile(std::string path) : path_(std::move(path)) {}
  std::string path_;  // "" once kept or moved from
};

// A file that grows at its end and is then published under its final name.
// Thread-compatible.
class GrowingFile {
 public:
  // Opens `path`, made where it is missing. Errors as WriteFileDurably.
  static absl::StatusOr<GrowingFile> Open(const std::string& path);
  ~GrowingFile();
  GrowingFile(GrowingFile&& other) noexcept;
  GrowingFile& operator=(GrowingFile&&) = delete;

  int64_t size_bytes() const { return size_bytes_; }
  absl::Status Append(absl::string_view bytes);
  // Syncs it and renames it to `final_path`, in the same directory.
  absl::Status Publish(const std::string& final_path);

 private:
  GrowingFile(std::string path, int descriptor, int64_t size_bytes)
      : path_(std::move(path)),
        descriptor_(descriptor),
        size_bytes_(size_bytes) {}

  std::string path_;
  int descriptor_;  // -1 once moved from
  int64_t size_bytes_;
};

// The exclusive use of a directory, for as long as it lives. Thread-compatible.
class DirectoryLock {
 public:
  // Makes `directory` where it is missing. FAILED_PRECONDITION
  // (DIRECTORY_IN_USE): another process has it; FILE_UNWRITABLE.
  static absl::StatusOr<DirectoryLock> Acquire(const std::string& directory);
  ~DirectoryLock();
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;  // -1 once moved from
};

// Makes `directory` and its parents. Errors as WriteFileDurably.
absl::Status MakeDirectories(const std::string& directory);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_BASE_DURABLE_FILE_H_
