// SPDX-License-Identifier: Apache-2.0
#include "server/rails.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/data/read_file.h"
#include "server/payout/file_rail.h"
#include "server/payout/http_rail.h"

namespace archpool {
namespace {

constexpr int64_t kSecretBytesMax = 1'024;

absl::StatusOr<std::unique_ptr<Rail>> OpenFileRail(
    const DataDirectory& directory) {
  ARCHPOOL_ASSIGN_OR_RETURN(SigningKey key,
                            directory.DeriveKey("archpool/payout-key/v1"));
  return FileRail::Open(directory.PayoutsPath(), std::move(key));
}

absl::StatusOr<std::unique_ptr<Rail>> OpenHttpRail(const ServerFlags& flags,
                                                   const Clock& clock) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string text,
                            ReadFile(flags.rail_secret_file, kSecretBytesMax));
  const absl::StatusOr<Digest> secret =
      Digest::Parse(absl::StripAsciiWhitespace(text));
  if (!secret.ok()) {
    return InvalidArgument(
        "FLAG_RANGE",
        absl::StrCat("--rail-secret-file ", flags.rail_secret_file,
                     " does not hold 64 hex digits"));
  }
  return HttpRail::Open(clock, {.url = flags.rail, .secret = *secret});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Rail>> OpenRail(const ServerFlags& flags,
                                               const Clock& clock,
                                               const DataDirectory& directory) {
  if (flags.rail == "none") return nullptr;
  if (flags.rail == "files") return OpenFileRail(directory);
  return OpenHttpRail(flags, clock);
}

}  // namespace archpool
