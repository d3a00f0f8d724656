// SPDX-License-Identifier: Apache-2.0
#include "server/storage/storage_errors.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace archpool {
namespace {
// The names of payloads that common/wire does not send.
constexpr char kDetailUrl[] = "archpool.storage.detail";
constexpr char kMissingUrl[] = "archpool.storage.missing";
}  // namespace

absl::Status StorageError(absl::string_view action, const std::string& path,
                          int error) {
  const bool is_full = error == ENOSPC || error == EDQUOT;
  absl::Status status =
      is_full ? Unavailable("STORAGE_FULL",
                            "the pool's disk is full, and its operator is "
                            "told; nothing is lost: try again later")
              : Unavailable("BLOB_IO",
                            "the pool cannot use its disk just now, and its "
                            "operator is told; nothing is lost: try again");
  status.SetPayload(kDetailUrl,
                    absl::Cord(absl::StrCat("cannot ", action, " ", path, ": ",
                                            std::strerror(error))));
  if (error == ENOENT) status.SetPayload(kMissingUrl, absl::Cord());
  return status;
}

std::string StorageDetail(const absl::Status& status) {
  const auto detail = status.GetPayload(kDetailUrl);
  return detail ? std::string(*detail) : std::string();
}

bool IsMissing(const absl::Status& status) {
  return status.GetPayload(kMissingUrl).has_value();
}

void StorageErrors::Note(const absl::Status& status) {
  const std::string detail = StorageDetail(status);
  if (detail.empty()) return;
  // First: who sees the other count sees this one too.
  if (GetReason(status) == "STORAGE_FULL") ++full_count_;
  ++count_;
  if (listener_) listener_(detail);
}

}  // namespace archpool
