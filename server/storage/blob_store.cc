// SPDX-License-Identifier: Apache-2.0
#include "server/storage/blob_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/crypto/random.h"
#include "server/storage/storage_errors.h"

// Why a kill at any moment leaves no blob that is not whole: bytes are only
// ever written under partial/ or temporary/. A blob gets its name by one
// rename, after its bytes were synced and their digest compared, and after it
// was noted under owners/ who sent them; the directory
// that holds the name is synced before the caller is told. Before the rename
// there is no blob, after it there is a whole one; a power cut between rename
// and directory sync may undo the rename, which nobody was told of.

namespace archpool {
namespace {

constexpr size_t kCopyBytes = size_t{1} << 20;
constexpr std::chrono::hours kPartialKept(24);
// A disk that is all but full takes less.
constexpr size_t kProbeBytes = size_t{1} << 20;

absl::Status Unknown(const Digest& digest) {
  return NotFound("BLOB_UNKNOWN",
                  absl::StrCat("there is no blob ", digest.ToString(),
                               "; upload it first"));
}

// An open file. Closes itself.
class File {
 public:
  File() = default;
  explicit File(int fd) : fd_(fd) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

// ok with an fd of -1 where there is no such file.
absl::StatusOr<File> OpenIfThere(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0 && errno != ENOENT) return StorageError("open", path, errno);
  return File(fd);
}

absl::StatusOr<File> OpenOrCreate(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return StorageError("create", path, errno);
  return File(fd);
}

// Holds off every other thread and process that locks this file, until it is
// closed. False: the path came to name another file, or none, meanwhile.
absl::StatusOr<bool> Lock(const File& file, const std::string& path) {
  while (flock(file.fd(), LOCK_EX) != 0) {
    if (errno != EINTR) return StorageError("lock", path, errno);
  }
  struct stat held;
  struct stat named;
  if (fstat(file.fd(), &held) != 0) return StorageError("examine", path, errno);
  if (stat(path.c_str(), &named) != 0) {
    if (errno == ENOENT) return false;
    return StorageError("examine", path, errno);
  }
  return held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

absl::StatusOr<int64_t> SizeOf(const File& file, const std::string& path) {
  struct stat status;
  if (fstat(file.fd(), &status) != 0)
    return StorageError("examine", path, errno);
  return static_cast<int64_t>(status.st_size);
}

absl::Status WriteAt(const File& file, const std::string& path, int64_t offset,
                     absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written =
        pwrite(file.fd(), bytes.data(), bytes.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return StorageError("write", path, errno);
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += written;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadAt(const File& file, const std::string& path,
                                   int64_t offset, int64_t length) {
  std::string bytes(static_cast<size_t>(length), '\0');
  size_t held = 0;
  while (held < bytes.size()) {
    const ssize_t count =
        pread(file.fd(), bytes.data() + held, bytes.size() - held,
              offset + static_cast<int64_t>(held));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return StorageError("read", path, errno);
    if (count == 0) break;
    held += static_cast<size_t>(count);
  }
  bytes.resize(held);
  return bytes;
}

absl::StatusOr<Digest> DigestOf(const File& file, const std::string& path) {
  Sha256Stream hash;
  for (int64_t offset = 0;;) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        const std::string bytes,
        ReadAt(file, path, offset, static_cast<int64_t>(kCopyBytes)));
    if (bytes.empty()) return hash.Finish();
    hash.Update(bytes);
    offset += static_cast<int64_t>(bytes.size());
  }
}

absl::Status SyncFile(const File& file, const std::string& path) {
  if (fsync(file.fd()) != 0) return StorageError("sync", path, errno);
  return absl::OkStatus();
}

absl::Status SyncDirectory(const std::string& path) {
  const File directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.fd() < 0) return StorageError("open", path, errno);
  return SyncFile(directory, path);
}

std::string ParentOf(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

// Makes one directory below a durable one, durably.
absl::Status MakeDirectory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0) return SyncDirectory(ParentOf(path));
  if (errno == EEXIST) return absl::OkStatus();
  return StorageError("make the directory", path, errno);
}

bool IsThere(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 || errno != ENOENT;
}

// Removes the files of `directory` that nobody touched for `age`.
void RemoveOlderThan(const std::string& directory, std::chrono::hours age) {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto limit = fs::file_time_type::clock::now() - age;
  for (fs::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code gone;
    if (it->last_write_time(gone) <= limit) fs::remove(it->path(), gone);
  }
}

const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

absl::Status Publish(const std::string& from, const std::string& to) {
  const std::string parent = ParentOf(to);
  ARCHPOOL_RETURN_IF_ERROR(MakeDirectory(parent));
  if (rename(from.c_str(), to.c_str()) != 0) {
    return StorageError("rename", from, errno);
  }
  return SyncDirectory(parent);
}

}  // namespace

template <typename Result>
Result BlobStore::Noted(Result result) const {
  // Only where it alone is gone: a disk that is gone is a disk that fails.
  if (lifetime_ == Lifetime::kMayBeDropped && IsMissing(StatusOf(result)) &&
      !IsThere(directory_) && IsThere(ParentOf(directory_))) {
    return FailedPrecondition(
        "UPLOAD_NOT_WANTED", "the audit of this trial is over; drop its files");
  }
  if (errors_ != nullptr) errors_->Note(StatusOf(result));
  return result;
}

absl::StatusOr<BlobStore> BlobStore::Open(const std::string& directory,
                                          StorageErrors* errors,
                                          Lifetime lifetime) {
  BlobStore store(directory, errors, lifetime);
  const absl::Status prepared = store.Prepare();
  if (errors != nullptr) errors->Note(prepared);
  ARCHPOOL_RETURN_IF_ERROR(prepared);
  return store;
}

absl::Status BlobStore::Prepare() const {
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (error)
    return StorageError("make the directory", directory_, error.value());
  for (const char* part : {"/blobs", "/owners", "/partial", "/temporary"}) {
    ARCHPOOL_RETURN_IF_ERROR(MakeDirectory(directory_ + part));
  }
  // What a kill left behind was never named by anyone; an upload may resume.
  RemoveOlderThan(directory_ + "/temporary", std::chrono::hours(0));
  RemoveOlderThan(directory_ + "/partial", kPartialKept);
  return absl::OkStatus();
}

std::string BlobStore::PathOf(const Digest& digest) const {
  const std::string name = digest.ToString();
  return absl::StrCat(directory_, "/blobs/", name.substr(0, 2), "/", name);
}

std::string BlobStore::TemporaryPath() const {
  return absl::StrCat(directory_, "/temporary/",
                      RandomSecret().ToString().substr(0, 32));
}

std::string BlobStore::PartialPathOf(const std::string& owner,
                                     const Digest& digest) const {
  // The owner's hash: whatever an owner is called, it names one file.
  return absl::StrCat(directory_, "/partial/", digest.ToString(), ".",
                      Sha256(owner).ToString().substr(0, 32));
}

std::string BlobStore::OwnersPathOf(const Digest& digest) const {
  const std::string name = digest.ToString();
  return absl::StrCat(directory_, "/owners/", name.substr(0, 2), "/", name);
}

std::string BlobStore::OwnerPathOf(const std::string& owner,
                                   const Digest& digest) const {
  return absl::StrCat(OwnersPathOf(digest), "/",
                      Sha256(owner).ToString().substr(0, 32));
}

absl::StatusOr<int64_t> BlobStore::Size(const Digest& digest) const {
  return Noted(TrySize(digest));
}

absl::StatusOr<int64_t> BlobStore::TrySize(const Digest& digest) const {
  const std::string path = PathOf(digest);
  struct stat status;
  if (stat(path.c_str(), &status) == 0) {
    return static_cast<int64_t>(status.st_size);
  }
  if (errno == ENOENT) return Unknown(digest);
  return StorageError("examine", path, errno);
}

absl::StatusOr<std::string> BlobStore::Read(const Digest& digest,
                                            int64_t offset,
                                            int64_t length) const {
  return Noted(TryRead(digest, offset, length));
}

absl::StatusOr<std::string> BlobStore::TryRead(const Digest& digest,
                                               int64_t offset,
                                               int64_t length) const {
  const std::string path = PathOf(digest);
  ARCHPOOL_ASSIGN_OR_RETURN(const File file, OpenIfThere(path, O_RDONLY));
  if (file.fd() < 0) return Unknown(digest);
  ARCHPOOL_ASSIGN_OR_RETURN(const int64_t size, SizeOf(file, path));
  if (offset < 0 || length < 0 || offset > size) {
    return InvalidArgument(
        "BLOB_RANGE", absl::StrCat("blob ", digest.ToString(), " has ", size,
                                   " bytes: ", length, " bytes from ", offset,
                                   " lie outside of it"));
  }
  return ReadAt(file, path, offset, std::min(length, size - offset));
}

absl::StatusOr<std::string> BlobStore::ReadAll(const Digest& digest,
                                               int64_t size_max) const {
  ARCHPOOL_ASSIGN_OR_RETURN(const int64_t size, Size(digest));
  if (size > size_max) {
    return ResourceExhausted(
        "BLOB_TOO_LARGE",
        absl::StrCat("blob ", digest.ToString(), " has ", size,
                     " bytes, more than the ", size_max, " allowed here"));
  }
  return Read(digest, 0, size);
}

absl::StatusOr<Digest> BlobStore::Put(absl::string_view bytes,
                                      const std::string& owner) const {
  absl::StatusOr<Digest> digest = TryPut(bytes);
  if (digest.ok() && !owner.empty()) {
    const absl::Status marked = MarkSent(owner, *digest);
    if (!marked.ok()) digest = marked;
  }
  return Noted(std::move(digest));
}

absl::StatusOr<Digest> BlobStore::TryPut(absl::string_view bytes) const {
  const Digest digest = Sha256(bytes);
  const std::string blob_path = PathOf(digest);
  if (TrySize(digest).ok()) {
    Renew(digest);
    // Its writer may not have synced its name yet.
    ARCHPOOL_RETURN_IF_ERROR(SyncDirectory(ParentOf(blob_path)));
    return digest;
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckOpen());
  // A name of its own: several threads may put the same bytes at once.
  const std::string path = TemporaryPath();
  absl::Cleanup remove = [&path] { unlink(path.c_str()); };
  ARCHPOOL_ASSIGN_OR_RETURN(const File file, OpenOrCreate(path));
  ARCHPOOL_RETURN_IF_ERROR(WriteAt(file, path, 0, bytes));
  ARCHPOOL_RETURN_IF_ERROR(SyncFile(file, path));
  ARCHPOOL_RETURN_IF_ERROR(Publish(path, blob_path));
  std::move(remove).Cancel();
  return digest;
}

absl::Status BlobStore::Probe() const { return Noted(TryProbe()); }

absl::Status BlobStore::CheckOpen() const {
  if (errors_ == nullptr || !errors_->IsClosed(directory_)) {
    return absl::OkStatus();
  }
  return StorageError("write into", directory_, ENOSPC);
}

absl::Status BlobStore::TryProbe() const {
  ARCHPOOL_RETURN_IF_ERROR(CheckOpen());
  const std::string path = TemporaryPath();
  absl::Cleanup remove = [&path] { unlink(path.c_str()); };
  ARCHPOOL_ASSIGN_OR_RETURN(const File file, OpenOrCreate(path));
  ARCHPOOL_RETURN_IF_ERROR(
      WriteAt(file, path, 0, std::string(kProbeBytes, '\0')));
  return SyncFile(file, path);
}

absl::StatusOr<int64_t> BlobStore::PartialSize(const std::string& owner,
                                               const Digest& digest) const {
  return Noted(TryPartialSize(owner, digest));
}

absl::StatusOr<int64_t> BlobStore::TryPartialSize(const std::string& owner,
                                                  const Digest& digest) const {
  ARCHPOOL_ASSIGN_OR_RETURN(const bool has_sent, TryHasSent(owner, digest));
  if (has_sent) return TrySize(digest);
  const std::string path = PartialPathOf(owner, digest);
  ARCHPOOL_ASSIGN_OR_RETURN(const File file, OpenIfThere(path, O_RDONLY));
  if (file.fd() < 0) return 0;
  return SizeOf(file, path);
}

absl::StatusOr<bool> BlobStore::HasSent(const std::string& owner,
                                        const Digest& digest) const {
  return Noted(TryHasSent(owner, digest));
}

absl::StatusOr<bool> BlobStore::TryHasSent(const std::string& owner,
                                           const Digest& digest) const {
  const std::string path = OwnerPathOf(owner, digest);
  struct stat status;
  if (stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return false;
    return StorageError("examine", path, errno);
  }
  // It is noted before the blob has its name.
  const absl::StatusOr<int64_t> size = TrySize(digest);
  if (absl::IsNotFound(size.status())) return false;
  ARCHPOOL_RETURN_IF_ERROR(size.status());
  return true;
}

bool BlobStore::IsOfNobody(const Digest& digest) const {
  return TrySize(digest).ok() && !IsThere(OwnersPathOf(digest));
}

absl::Status BlobStore::MarkSent(const std::string& owner,
                                 const Digest& digest) const {
  const std::string folder = OwnersPathOf(digest);
  const std::string path = OwnerPathOf(owner, digest);
  ARCHPOOL_RETURN_IF_ERROR(MakeDirectory(ParentOf(folder)));
  ARCHPOOL_RETURN_IF_ERROR(MakeDirectory(folder));
  ARCHPOOL_ASSIGN_OR_RETURN(const File file, OpenOrCreate(path));
  ARCHPOOL_RETURN_IF_ERROR(SyncFile(file, path));
  return SyncDirectory(folder);
}

absl::Status BlobStore::Append(const std::string& owner, const Digest& digest,
                               int64_t offset, absl::string_view bytes) const {
  return Noted(TryAppend(owner, digest, offset, bytes));
}

absl::Status BlobStore::TryAppend(const std::string& owner,
                                  const Digest& digest, int64_t offset,
                                  absl::string_view bytes) const {
  const auto wrong_offset = [&](int64_t held) {
    return FailedPrecondition(
        "BLOB_OFFSET",
        absl::StrCat("the pool holds ", held, " bytes of blob ",
                     digest.ToString(),
                     " from this sender: continue there, not ", "at ", offset));
  };
  ARCHPOOL_RETURN_IF_ERROR(CheckOpen());
  const std::string path = PartialPathOf(owner, digest);
  while (true) {
    ARCHPOOL_ASSIGN_OR_RETURN(const bool has_sent, TryHasSent(owner, digest));
    if (has_sent) {
      ARCHPOOL_ASSIGN_OR_RETURN(const int64_t whole, TrySize(digest));
      return wrong_offset(whole);
    }
    ARCHPOOL_ASSIGN_OR_RETURN(const File file, OpenOrCreate(path));
    // Without the lock, bytes could be added between the check of the digest
    // and the rename: a blob that is not what it is called.
    ARCHPOOL_ASSIGN_OR_RETURN(const bool is_current, Lock(file, path));
    if (!is_current) continue;
    ARCHPOOL_ASSIGN_OR_RETURN(const int64_t held, SizeOf(file, path));
    if (offset != held) return wrong_offset(held);
    return WriteAt(file, path, offset, bytes);
  }
}

absl::Status BlobStore::Complete(const std::string& owner,
                                 const Digest& digest) const {
  return Noted(TryComplete(owner, digest));
}

absl::Status BlobStore::TryComplete(const std::string& owner,
                                    const Digest& digest) const {
  const std::string path = PartialPathOf(owner, digest);
  const std::string blob_path = PathOf(digest);
  while (true) {
    ARCHPOOL_ASSIGN_OR_RETURN(const bool has_sent, TryHasSent(owner, digest));
    if (has_sent) {
      Renew(digest);
      unlink(path.c_str());  // another thread of this owner was faster
      // And may not have synced the name yet.
      return SyncDirectory(ParentOf(blob_path));
    }
    ARCHPOOL_ASSIGN_OR_RETURN(const File file, OpenIfThere(path, O_RDWR));
    if (file.fd() < 0) {
      // Nothing was sent: right for the empty blob alone.
      if (digest == Sha256(absl::string_view())) {
        ARCHPOOL_RETURN_IF_ERROR(MarkSent(owner, digest));
        return TryPut("").status();
      }
      return Unknown(digest);
    }
    ARCHPOOL_ASSIGN_OR_RETURN(const bool is_current, Lock(file, path));
    if (!is_current) continue;
    ARCHPOOL_RETURN_IF_ERROR(SyncFile(file, path));
    ARCHPOOL_ASSIGN_OR_RETURN(const Digest actual, DigestOf(file, path));
    if (actual == digest) {
      ARCHPOOL_RETURN_IF_ERROR(MarkSent(owner, digest));
      // Over the same bytes of another owner, where there are any: looking
      // first would take a time of its own.
      return Publish(path, blob_path);
    }
    unlink(path.c_str());
    return InvalidArgument(
        "BLOB_DIGEST_MISMATCH",
        absl::StrCat("the bytes sent hash to ", actual.ToString(), ", not to ",
                     digest.ToString(),
                     ": they were dropped, send them again from the start"));
  }
}

}  // namespace archpool
