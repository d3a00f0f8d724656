// SPDX-License-Identifier: Apache-2.0
#include "client/doubt.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/channel/retry.h"

namespace archpool {
namespace {

constexpr char kOutcomeUnknown[] = "OUTCOME_UNKNOWN";

}  // namespace

bool IsInDoubt(const absl::Status& status) {
  return IsTransient(status) || absl::IsCancelled(status) ||
         absl::IsUnknown(status) || absl::IsInternal(status);
}

absl::Status InDoubt(const absl::Status& status, absl::string_view sentence) {
  return MakeError(
      status.code(), kOutcomeUnknown,
      absl::StrCat(sentence, " (no answer came: ", status.message(), ")"));
}

bool SaysDoubt(const absl::Status& status) {
  return GetReason(status) == kOutcomeUnknown;
}

}  // namespace archpool
