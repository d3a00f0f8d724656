// SPDX-License-Identifier: Apache-2.0
// Files on their way into a backup and out of it. Every byte that is copied is
// hashed on the way. Functions; thread-safe for different files.
#ifndef ARCHPOOL_SERVER_BACKUP_FILE_COPY_H_
#define ARCHPOOL_SERVER_BACKUP_FILE_COPY_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/crypto/sha256.h"

namespace archpool {

struct CopiedFile {
  int64_t size_bytes = 0;
  Digest digest;
};

struct CopyOptions {
  std::stop_token stop;  // UNAVAILABLE (STOPPED)
  // Told of every piece.
  std::function<void(int64_t bytes)> on_bytes = [](int64_t) {};
};

// Writes a copy beside `to`, for its owner alone, and renames it; the folder is
// there. Not synced: SyncFilesystem does that for all at once. NOT_FOUND
// (FILE_NOT_FOUND): `from` is not there. FAILED_PRECONDITION (FILE_UNREADABLE,
// FILE_UNWRITABLE); RESOURCE_EXHAUSTED (DISK_FULL).
absl::StatusOr<CopiedFile> CopyFile(const std::string& from,
                                    const std::string& to,
                                    const CopyOptions& options = CopyOptions());

// What CopyFile says, without a copy.
absl::StatusOr<CopiedFile> ReadThrough(
    const std::string& path, const CopyOptions& options = CopyOptions());

// The size of a regular file; nullopt where there is none.
std::optional<int64_t> SizeOfFile(const std::string& path);

// Makes one folder for its owner alone, where it is missing.
// FAILED_PRECONDITION (FILE_UNWRITABLE).
absl::Status MakePrivateFolder(const std::string& path);

// Everything that was written to the filesystem of `folder` is on its disk
// afterwards. FAILED_PRECONDITION (FILE_UNWRITABLE).
absl::Status SyncFilesystem(const std::string& folder);

// FAILED_PRECONDITION (SPACE_MISSING), with both numbers: fewer bytes than
// `needed_bytes` are free for this user where `folder` is.
absl::Status CheckSpace(const std::string& folder, int64_t needed_bytes);

// The regular files below `folder`, by their paths within it, in order, but
// those for which `is_left_out` answers true of a path or of a folder above it.
// Links are not followed, and left out.
absl::StatusOr<std::vector<std::string>> ListFiles(
    const std::string& folder,
    const std::function<bool(const std::string& path)>& is_left_out);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_BACKUP_FILE_COPY_H_
