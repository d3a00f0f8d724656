#include "server/data_directory.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/crypto/random.h"

namespace archpool {
namespace {

constexpr char kSecretName[] = "pool-secret";

}  // namespace

absl::StatusOr<DataDirectory> DataDirectory::Open(const std::string& path) {
  ARCHPOOL_RETURN_IF_ERROR(MakeDirectories(path));
  ARCHPOOL_ASSIGN_OR_RETURN(DirectoryLock lock, DirectoryLock::Acquire(path));
  return DataDirectory(std::filesystem::absolute(path).string(),
                       std::move(lock));
}

absl::StatusOr<Digest> DataDirectory::PoolSecret() const {
  std::ifstream file(absl::StrCat(path_, "/", kSecretName));
  if (!file) {
    const Digest secret = RandomSecret();
    ARCHPOOL_RETURN_IF_ERROR(
        WriteSecret(kSecretName, secret.ToString()).status());
    return secret;
  }
  std::string text;
  file >> text;
  const absl::StatusOr<Digest> secret = Digest::Parse(text);
  if (!secret.ok()) {
    return FailedPrecondition(
        "SECRET_MALFORMED",
        absl::StrCat(path_, "/", kSecretName,
                     " does not hold 64 hex digits; restore it from a backup"));
  }
  return *secret;
}

absl::StatusOr<SigningKey> DataDirectory::DeriveKey(
    absl::string_view domain) const {
  ARCHPOOL_ASSIGN_OR_RETURN(const Digest secret, PoolSecret());
  return SigningKey::FromSeed(HmacSha256(secret, domain).AsBytes());
}

absl::StatusOr<std::string> DataDirectory::WriteSecret(
    absl::string_view name, absl::string_view text) const {
  const std::string path = absl::StrCat(path_, "/", name);
  // Nobody else may open it between its creation and the change of its mode.
  const mode_t mask = umask(0077);
  const absl::Status written = WriteFileDurably(path, absl::StrCat(text, "\n"));
  umask(mask);
  ARCHPOOL_RETURN_IF_ERROR(written);
  return path;
}

}  // namespace archpool
