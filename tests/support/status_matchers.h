// SPDX-License-Identifier: Apache-2.0
// Lets tests say what they expect of a Status or StatusOr.
#ifndef ARCHPOOL_TESTS_SUPPORT_STATUS_MATCHERS_H_
#define ARCHPOOL_TESTS_SUPPORT_STATUS_MATCHERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/status.h"
#include "gmock/gmock.h"

namespace archpool {

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& value) {
  return value.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

// EXPECT_THAT(call, FailsWith("LEASE_ENDED"));
MATCHER_P(FailsWith, reason, std::string("fails with ") + reason) {
  *result_listener << StatusOf(arg).ToString();
  return !StatusOf(arg).ok() && GetReason(StatusOf(arg)) == reason;
}

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_STATUS_MATCHERS_H_
