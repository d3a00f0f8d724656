// SPDX-License-Identifier: Apache-2.0
// How blobs and parts of uploads go while others are at work in the store.
//
// A blob's name is taken away by one step, and only between TryRemove and
// EndRemoval: nobody who holds it finds it gone. A kill in between leaves the
// blob, whole, or nothing; a power cut may bring back a name that was taken
// away, with the whole blob behind it, which the next look finds again.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"
#include "server/storage/blob_store.h"
#include "server/storage/storage_errors.h"

namespace archpool {
namespace {

// A write that is under way takes seconds; what is older was left by a kill.
constexpr absl::Duration kTemporaryKept = absl::Hours(1);

absl::Time LastWrite(const struct stat& status) {
  return absl::TimeFromTimespec(status.st_mtim);
}

absl::Status Told(StorageErrors* errors, absl::Status failure) {
  if (errors != nullptr) errors->Note(failure);
  return failure;
}

// Removes the part of an upload that nobody continued since `before`. An append
// at that moment has the file locked, or finds that its name is gone and begins
// with another one (BlobStore::Append): its sender continues from the start.
bool RemovePartBefore(const std::string& path, absl::Time before) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const absl::Cleanup close_it = [fd] { close(fd); };
  struct stat status;
  return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &status) == 0 &&
         LastWrite(status) < before && unlink(path.c_str()) == 0;
}

}  // namespace

BlobHold BlobStore::Hold(const Digest& digest) const {
  return BlobHold(holds_, digest);
}

void BlobStore::Renew(const Digest& digest) const {
  // Where there is no such blob there is nothing to be new; that a disk does
  // not note the time is no failure of the caller.
  (void)utimensat(AT_FDCWD, PathOf(digest).c_str(), nullptr, 0);
}

absl::StatusOr<std::vector<Digest>> BlobStore::List(int part) const {
  const std::string folder =
      absl::StrCat(directory_, "/blobs/", absl::StrFormat("%02x", part));
  std::vector<Digest> blobs;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end;
       !error && it != end; it.increment(error)) {
    const absl::StatusOr<Digest> digest =
        Digest::Parse(it->path().filename().string());
    if (digest.ok()) blobs.push_back(*digest);
  }
  if (!error || error == std::errc::no_such_file_or_directory) return blobs;
  return Told(errors_, StorageError("list", folder, error.value()));
}

absl::StatusOr<BlobRemoval> BlobStore::Remove(const Digest& digest,
                                              absl::Time unused_since,
                                              const IsWanted& is_wanted) const {
  BlobRemoval removal;
  if (!holds_->TryRemove(digest)) return removal;
  const absl::Cleanup end = [&] { holds_->EndRemoval(digest); };
  ARCHPOOL_ASSIGN_OR_RETURN(const bool is_needed, is_wanted());
  if (is_needed) return removal;
  const std::string path = PathOf(digest);
  struct stat status;
  if (stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return removal;
    return Told(errors_, StorageError("examine", path, errno));
  }
  if (LastWrite(status) > unused_since) return removal;
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return Told(errors_, StorageError("remove", path, errno));
  }
  // An owner that sends it from now on is noted by that. What a kill leaves of
  // the notes says only who sent these bytes once.
  std::error_code left;
  std::filesystem::remove_all(OwnersPathOf(digest), left);
  removal.is_gone = true;
  removal.freed_bytes = static_cast<int64_t>(status.st_size);
  return removal;
}

int64_t BlobStore::RemoveParts(absl::Time before) const {
  int64_t removed = 0;
  std::error_code error;
  const auto remove_in = [&](const char* folder, absl::Time limit) {
    const std::string path = absl::StrCat(directory_, folder);
    for (std::filesystem::directory_iterator it(path, error), end;
         !error && it != end; it.increment(error)) {
      removed += RemovePartBefore(it->path().string(), limit) ? 1 : 0;
    }
  };
  remove_in("/partial", before);
  remove_in("/temporary", before - kTemporaryKept);
  return removed;
}

}  // namespace archpool
