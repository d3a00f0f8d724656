// SPDX-License-Identifier: Apache-2.0
#include "common/base/status.h"

#include "gtest/gtest.h"

namespace archpool {
namespace {

absl::StatusOr<int> Half(int value) {
  if (value % 2 != 0) return InvalidArgument("ODD", "the value must be even");
  return value / 2;
}

absl::StatusOr<int> Quarter(int value) {
  ARCHPOOL_ASSIGN_OR_RETURN(const int half, Half(value));
  return Half(half);
}

TEST(StatusTest, CarriesReasonAndMessage) {
  const absl::Status status = NotFound("TASK_UNKNOWN", "no task 7");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(GetReason(status), "TASK_UNKNOWN");
  EXPECT_EQ(status.message(), "no task 7");
}

TEST(StatusTest, ForeignStatusHasNoReason) {
  EXPECT_EQ(GetReason(absl::CancelledError("x")), "");
  EXPECT_EQ(GetReason(absl::OkStatus()), "");
}

TEST(StatusTest, AssignOrReturnPropagatesTheFirstError) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(GetReason(Quarter(6).status()), "ODD");
}

}  // namespace
}  // namespace archpool
