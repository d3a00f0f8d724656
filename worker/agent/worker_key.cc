// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/worker_key.h"

#include <filesystem>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/durable_file.h"
#include "common/base/hex.h"
#include "common/base/status.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

constexpr int64_t kFileBytesMax = 256;

}  // namespace

absl::StatusOr<SigningKey> LoadOrMakeKey(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    const SigningKey key = SigningKey::Generate();
    ARCHPOOL_RETURN_IF_ERROR(WriteFileDurably(
        path, absl::StrCat(absl::BytesToHexString(key.seed()), "\n")));
    std::filesystem::permissions(path,
                                 std::filesystem::perms::owner_read |
                                     std::filesystem::perms::owner_write,
                                 error);
    return key;
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string text,
                            ReadFile(path, kFileBytesMax));
  const auto seed = FromHex(absl::StripSuffix(text, "\n"));
  if (seed.ok()) {
    absl::StatusOr<SigningKey> key =
        SigningKey::FromSeed(std::string(seed->begin(), seed->end()));
    if (key.ok()) return key;
  }
  return FailedPrecondition(
      "KEY_UNREADABLE",
      absl::StrCat(path,
                   " does not hold a worker's key; move it away for a "
                   "new one"));
}

}  // namespace archpool
