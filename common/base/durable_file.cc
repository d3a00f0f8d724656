// SPDX-License-Identifier: Apache-2.0
#include "common/base/durable_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace archpool {
namespace {

absl::Status FileError(absl::string_view what, const std::string& path,
                       int error) {
  const std::string message =
      absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(error));
  if (error == ENOSPC || error == EDQUOT) {
    return ResourceExhausted("DISK_FULL", message);
  }
  return FailedPrecondition("FILE_UNWRITABLE", message);
}

absl::Status SyncDirectoryOf(const std::string& path) {
  std::string directory = std::filesystem::path(path).parent_path().string();
  if (directory.empty()) directory.push_back('.');
  const int descriptor =
      open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return FileError("open", directory, errno);
  const int result = fsync(descriptor);
  const int error = errno;
  close(descriptor);
  return result == 0 ? absl::OkStatus() : FileError("sync", directory, error);
}

absl::Status WriteAll(int descriptor, const std::string& path,
                      absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return FileError("write", path, errno);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status FileExists(const std::string& path) {
  return AlreadyExists(
      "FILE_EXISTS",
      absl::StrCat(path, " exists and is left as it is; name a new file"));
}

// Gives the file behind `descriptor`, which has no name, the one of `path`.
// False: the file system cannot; FILE_EXISTS: something has it.
absl::StatusOr<bool> NameFile(int descriptor, const std::string& path) {
  const std::string source = absl::StrCat("/proc/self/fd/", descriptor);
  if (linkat(AT_FDCWD, source.c_str(), AT_FDCWD, path.c_str(),
             AT_SYMLINK_FOLLOW) == 0) {
    return true;
  }
  if (errno == EEXIST) return FileExists(path);
  return false;
}

absl::StatusOr<bool> WriteThenName(int descriptor, const std::string& path,
                                   absl::string_view bytes) {
  ARCHPOOL_RETURN_IF_ERROR(WriteAll(descriptor, path, bytes));
  if (fsync(descriptor) != 0) return FileError("sync", path, errno);
  return NameFile(descriptor, path);
}

}  // namespace

absl::Status WriteNewFile(const std::string& path, absl::string_view bytes) {
  std::string directory = std::filesystem::path(path).parent_path().string();
  if (directory.empty()) directory.push_back('.');
  const int descriptor =
      open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  if (descriptor >= 0) {
    const absl::StatusOr<bool> is_named =
        WriteThenName(descriptor, path, bytes);
    close(descriptor);
    ARCHPOOL_RETURN_IF_ERROR(is_named.status());
    if (*is_named) return SyncDirectoryOf(path);
  }
  ARCHPOOL_ASSIGN_OR_RETURN(NewFile file, NewFile::Create(path, bytes));
  file.Keep();
  return absl::OkStatus();
}

absl::Status WriteFileDurably(const std::string& path,
                              absl::string_view bytes) {
  const std::string beside = absl::StrCat(path, ".new");
  if (unlink(beside.c_str()) != 0 && errno != ENOENT) {
    return FileError("replace", beside, errno);
  }
  ARCHPOOL_ASSIGN_OR_RETURN(GrowingFile file, GrowingFile::Open(beside));
  ARCHPOOL_RETURN_IF_ERROR(file.Append(bytes));
  return file.Publish(path);
}

absl::StatusOr<NewFile> NewFile::Create(const std::string& path,
                                        absl::string_view bytes) {
  const int descriptor = open(
      path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (descriptor < 0 && errno == EEXIST) return FileExists(path);
  if (descriptor < 0) return FileError("make", path, errno);
  NewFile made(path);
  absl::Status status = WriteAll(descriptor, path, bytes);
  if (status.ok() && fsync(descriptor) != 0) {
    status = FileError("sync", path, errno);
  }
  if (close(descriptor) != 0 && status.ok()) {
    status = FileError("close", path, errno);
  }
  ARCHPOOL_RETURN_IF_ERROR(status);
  ARCHPOOL_RETURN_IF_ERROR(SyncDirectoryOf(path));
  return made;
}

NewFile::~NewFile() {
  if (!path_.empty()) unlink(path_.c_str());
}

NewFile::NewFile(NewFile&& other) noexcept
    : path_(std::exchange(other.path_, "")) {}

absl::StatusOr<GrowingFile> GrowingFile::Open(const std::string& path) {
  const int descriptor =
      open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (descriptor < 0) return FileError("open", path, errno);
  struct stat status {};
  if (fstat(descriptor, &status) != 0) {
    const int error = errno;
    close(descriptor);
    return FileError("look at", path, error);
  }
  return GrowingFile(path, descriptor, status.st_size);
}

GrowingFile::~GrowingFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

GrowingFile::GrowingFile(GrowingFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_bytes_(other.size_bytes_) {}

absl::Status GrowingFile::Append(absl::string_view bytes) {
  ARCHPOOL_RETURN_IF_ERROR(WriteAll(descriptor_, path_, bytes));
  size_bytes_ += static_cast<int64_t>(bytes.size());
  return absl::OkStatus();
}

absl::Status GrowingFile::Publish(const std::string& final_path) {
  if (fsync(descriptor_) != 0) return FileError("sync", path_, errno);
  if (std::rename(path_.c_str(), final_path.c_str()) != 0) {
    return FileError("rename", path_, errno);
  }
  return SyncDirectoryOf(final_path);
}

absl::StatusOr<DirectoryLock> DirectoryLock::Acquire(
    const std::string& directory) {
  ARCHPOOL_RETURN_IF_ERROR(MakeDirectories(directory));
  const std::string path = absl::StrCat(directory, "/lock");
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return FileError("open", path, errno);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    close(descriptor);
    return FailedPrecondition(
        "DIRECTORY_IN_USE",
        absl::StrCat("another process works in ", directory,
                     ": end it, or name another directory"));
  }
  return DirectoryLock(descriptor);
}

DirectoryLock::~DirectoryLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

absl::Status MakeDirectories(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return FileError("make", directory, error.value());
  return absl::OkStatus();
}

}  // namespace archpool
