// SPDX-License-Identifier: Apache-2.0
#include "server/backup/file_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status.h"

namespace archpool {
namespace {

constexpr size_t kPieceBytes = size_t{1} << 20;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int fd() const { return fd_; }
  // Errors of a write may be told here alone.
  bool Close() { return close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

absl::Status ReadError(const std::string& path, int error) {
  const std::string message =
      absl::StrCat("cannot read ", path, ": ", std::strerror(error));
  return error == ENOENT ? NotFound("FILE_NOT_FOUND", message)
                         : FailedPrecondition("FILE_UNREADABLE", message);
}

absl::Status WriteError(const std::string& path, int error) {
  const std::string message =
      absl::StrCat("cannot write ", path, ": ", std::strerror(error));
  return error == ENOSPC || error == EDQUOT
             ? ResourceExhausted("DISK_FULL", message)
             : FailedPrecondition("FILE_UNWRITABLE", message);
}

absl::Status WriteWhole(const Descriptor& file, const std::string& path,
                        absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file.fd(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return WriteError(path, errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

// Reads the file in pieces, and hands each to `use`.
absl::StatusOr<CopiedFile> ReadPieces(
    const std::string& path, const CopyOptions& options,
    const std::function<absl::Status(absl::string_view)>& use) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd() < 0) return ReadError(path, errno);
  (void)posix_fadvise(file.fd(), 0, 0, POSIX_FADV_SEQUENTIAL);
  Sha256Stream hash;
  CopiedFile copied;
  std::string piece(kPieceBytes, '\0');
  while (true) {
    if (options.stop.stop_requested()) {
      return Unavailable("STOPPED", "stopped before it was done; run it again");
    }
    const ssize_t count = read(file.fd(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ReadError(path, errno);
    if (count == 0) break;
    const absl::string_view bytes(piece.data(), static_cast<size_t>(count));
    hash.Update(bytes);
    ARCHPOOL_RETURN_IF_ERROR(use(bytes));
    copied.size_bytes += count;
    options.on_bytes(count);
  }
  copied.digest = hash.Finish();
  return copied;
}

}  // namespace

absl::StatusOr<CopiedFile> CopyFile(const std::string& from,
                                    const std::string& to,
                                    const CopyOptions& options) {
  const std::string beside = to + ".new";
  Descriptor file(open(beside.c_str(),
                       O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                       0600));
  if (file.fd() < 0) return WriteError(beside, errno);
  absl::StatusOr<CopiedFile> copied = ReadPieces(
      from, options,
      [&](absl::string_view bytes) { return WriteWhole(file, beside, bytes); });
  if (!file.Close() && copied.ok()) copied = WriteError(beside, errno);
  if (copied.ok() && std::rename(beside.c_str(), to.c_str()) != 0) {
    copied = WriteError(to, errno);
  }
  if (!copied.ok()) unlink(beside.c_str());
  return copied;
}

absl::StatusOr<CopiedFile> ReadThrough(const std::string& path,
                                       const CopyOptions& options) {
  return ReadPieces(path, options,
                    [](absl::string_view) { return absl::OkStatus(); });
}

std::optional<int64_t> SizeOfFile(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return std::nullopt;
  }
  return static_cast<int64_t>(status.st_size);
}

absl::Status MakePrivateFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) {
    return absl::OkStatus();
  }
  return WriteError(path, errno);
}

absl::Status SyncFilesystem(const std::string& folder) {
  const Descriptor directory(
      open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.fd() < 0) return WriteError(folder, errno);
  if (syncfs(directory.fd()) != 0) return WriteError(folder, errno);
  return absl::OkStatus();
}

absl::Status CheckSpace(const std::string& folder, int64_t needed_bytes) {
  struct statvfs disk {};
  if (statvfs(folder.c_str(), &disk) != 0) return ReadError(folder, errno);
  const auto free_bytes =
      static_cast<int64_t>(disk.f_bavail) * static_cast<int64_t>(disk.f_frsize);
  if (free_bytes >= needed_bytes) return absl::OkStatus();
  constexpr int64_t kMib = int64_t{1} << 20;
  return FailedPrecondition(
      "SPACE_MISSING",
      absl::StrCat("about ", needed_bytes / kMib + 1, " MiB are needed in ",
                   folder, ", and ", free_bytes / kMib,
                   " MiB are free there; nothing was written. Free space, or "
                   "name a folder on another disk"));
}

absl::StatusOr<std::vector<std::string>> ListFiles(
    const std::string& folder,
    const std::function<bool(const std::string& path)>& is_left_out) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  std::error_code error;
  for (fs::recursive_directory_iterator
           it(folder, fs::directory_options::follow_directory_symlink, error),
       end;
       !error && it != end; it.increment(error)) {
    const std::string path =
        it->path().lexically_relative(folder).generic_string();
    std::error_code gone;
    const fs::file_status status = it->status(gone);
    if (is_left_out(path)) {
      if (fs::is_directory(status)) it.disable_recursion_pending();
    } else if (fs::is_regular_file(status)) {
      files.push_back(path);
    }
  }
  if (error) return ReadError(folder, error.value());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace archpool
