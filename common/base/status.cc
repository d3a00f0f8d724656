// SPDX-License-Identifier: Apache-2.0
#include "common/base/status.h"

#include "absl/strings/cord.h"

namespace archpool {
namespace {
constexpr char kReasonUrl[] = "archpool.v1.reason";
}  // namespace

absl::Status MakeError(absl::StatusCode code, absl::string_view reason,
                       absl::string_view message) {
  absl::Status status(code, message);
  status.SetPayload(kReasonUrl, absl::Cord(reason));
  return status;
}

std::string GetReason(const absl::Status& status) {
  const auto payload = status.GetPayload(kReasonUrl);
  return payload ? std::string(*payload) : std::string();
}

}  // namespace archpool
