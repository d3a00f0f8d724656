// SPDX-License-Identifier: Apache-2.0
#include "server/data_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/crypto/random.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

constexpr int64_t kSecretBytesMax = 256;
constexpr char kRestoreNote[] = "restore-unfinished";
constexpr mode_t kOwnerOnly = 0700;
constexpr mode_t kMayBePassed = 0711;

std::string SecretPathIn(const std::string& directory) {
  return directory + "/pool-secret";
}

absl::Status MakePrivate(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) == 0 || errno == EEXIST) {
    return absl::OkStatus();
  }
  return FailedPrecondition(
      "FILE_UNWRITABLE",
      absl::StrCat("cannot make ", path, ": ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<DataDirectory> DataDirectory::Open(const std::string& path) {
  std::error_code error;
  const std::filesystem::path whole =
      std::filesystem::absolute(path, error).lexically_normal();
  std::string absolute = whole.string();
  while (absolute.size() > 1 && absolute.back() == '/') absolute.pop_back();
  const std::string parent =
      std::filesystem::path(absolute).parent_path().string();
  ARCHPOOL_RETURN_IF_ERROR(MakeDirectories(parent));
  ARCHPOOL_RETURN_IF_ERROR(
      MakePrivate(absolute, geteuid() == 0 ? kMayBePassed : kOwnerOnly));
  ARCHPOOL_ASSIGN_OR_RETURN(DirectoryLock lock,
                            DirectoryLock::Acquire(absolute));
  DataDirectory directory(absolute, std::move(lock));
  for (const std::string& folder :
       {directory.BlobsPath(), directory.PayoutsPath()}) {
    ARCHPOOL_RETURN_IF_ERROR(MakePrivate(folder, kOwnerOnly));
  }
  // The pool does without checkpoints for a while; what stands in their way is
  // told when they come.
  (void)MakePrivate(directory.CheckpointsPath(), kOwnerOnly);
  return directory;
}

absl::StatusOr<Digest> DataDirectory::PoolSecret() const {
  return ReadPoolSecret(path_);
}

absl::StatusOr<Digest> DataDirectory::ReadPoolSecret(const std::string& path) {
  const std::string secret_path = SecretPathIn(path);
  struct stat found {};
  if (lstat(secret_path.c_str(), &found) != 0 && errno == ENOENT) {
    return NotFound("SECRET_MISSING",
                    absl::StrCat("there is no ", secret_path));
  }
  const absl::StatusOr<std::string> text =
      ReadFile(secret_path, kSecretBytesMax);
  if (!text.ok()) {
    return FailedPrecondition(
        "SECRET_UNREADABLE",
        absl::StrCat("the pool's secret is there and cannot be read (",
                     text.status().message(),
                     "); mount its disk, or fix its permissions"));
  }
  const absl::StatusOr<Digest> secret =
      Digest::Parse(absl::StripAsciiWhitespace(*text));
  if (!secret.ok()) {
    return FailedPrecondition(
        "SECRET_MALFORMED",
        absl::StrCat(secret_path,
                     " does not hold 64 hex digits; restore it from a backup"));
  }
  return *secret;
}

absl::StatusOr<Digest> DataDirectory::MakePoolSecret() const {
  const Digest secret = RandomSecret();
  ARCHPOOL_ASSIGN_OR_RETURN(
      NewFile file,
      NewFile::Create(SecretPathIn(path_), secret.ToString() + "\n"));
  file.Keep();
  return secret;
}

absl::Status DataDirectory::NoteDatabase() const {
  if (HadDatabase()) return absl::OkStatus();
  return WriteFileDurably(NotePath(),
                          "The database of this pool has been made.\n");
}

bool DataDirectory::HadDatabase() const {
  std::error_code error;
  return std::filesystem::exists(NotePath(), error);
}

absl::Status DataDirectory::NoteRestore() const {
  return WriteFileDurably(absl::StrCat(path_, "/", kRestoreNote),
                          "A restore fills this directory.\n");
}

absl::Status DataDirectory::EndRestore() const {
  if (unlink(absl::StrCat(path_, "/", kRestoreNote).c_str()) == 0 ||
      errno == ENOENT) {
    return absl::OkStatus();
  }
  return FailedPrecondition(
      "FILE_UNWRITABLE",
      absl::StrCat("cannot remove ", path_, "/", kRestoreNote, ": ",
                   std::strerror(errno)));
}

absl::Status DataDirectory::CheckRestored() const {
  std::error_code error;
  if (!std::filesystem::exists(absl::StrCat(path_, "/", kRestoreNote), error)) {
    return absl::OkStatus();
  }
  return FailedPrecondition(
      "RESTORE_UNFINISHED",
      absl::StrCat("a restore into ", path_,
                   " was cut off, so this is no whole pool: run "
                   "archpool-server restore again"));
}

bool DataDirectory::MayBeRestoredInto(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return !error;
  if (std::filesystem::exists(absl::StrCat(path, "/", kRestoreNote), error)) {
    return true;
  }
  return std::filesystem::is_empty(path, error) && !error;
}

void DataDirectory::Clear() const {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path_, error)) {
    const std::string name = entry.path().filename().string();
    if (name == "lock" || name == kRestoreNote) continue;
    std::error_code ignored;
    std::filesystem::remove_all(entry.path(), ignored);
  }
}

absl::StatusOr<SigningKey> DataDirectory::DeriveKey(
    absl::string_view domain) const {
  return DeriveKeyOf(path_, domain);
}

absl::StatusOr<SigningKey> DataDirectory::DeriveKeyOf(
    const std::string& path, absl::string_view domain) {
  ARCHPOOL_ASSIGN_OR_RETURN(const Digest secret, ReadPoolSecret(path));
  return SigningKey::FromSeed(HmacSha256(secret, domain).AsBytes());
}

}  // namespace archpool
