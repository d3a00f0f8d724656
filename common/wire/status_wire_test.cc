// SPDX-License-Identifier: Apache-2.0
#include "common/wire/status_wire.h"

#include <string>

#include "archpool/v1/error.pb.h"
#include "common/wire/wire_test_data.h"
#include "gtest/gtest.h"

namespace archpool::wire {
namespace {

TEST(StatusWireTest, CodeReasonAndMessageRoundTrip) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status =
        MakeError(static_cast<absl::StatusCode>(code), "SOME_REASON",
                  "Do something about it.");
    const absl::Status back = FromGrpc(ToGrpc(status));
    EXPECT_EQ(back.code(), status.code());
    EXPECT_EQ(back.message(), status.message());
    EXPECT_EQ(GetReason(back), "SOME_REASON");
  }
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpc(grpc::Status::OK).ok());
}

// gRPC refuses trailers over 8 KiB: the caller would see another error.
TEST(StatusWireTest, LongMessagesAreCutAtACharacter) {
  std::string message(1499, 'x');
  while (message.size() < 100'000) message += "é";
  const grpc::Status status = ToGrpc(NotFound("TASK_UNKNOWN", message));
  EXPECT_LT(status.error_message().size() + status.error_details().size(),
            4000u);
  const absl::Status back = FromGrpc(status);
  EXPECT_EQ(GetReason(back), "TASK_UNKNOWN");
  EXPECT_EQ(std::string(back.message()), std::string(1499, 'x') + "…");
}

TEST(StatusWireTest, ErrorsOfTheTransportGetAReason) {
  EXPECT_EQ(GetReason(FromGrpc(
                grpc::Status(grpc::StatusCode::UNAVAILABLE, "refused"))),
            "SERVER_UNREACHABLE");
  EXPECT_EQ(GetReason(FromGrpc(
                grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "late"))),
            "CALL_TIMED_OUT");
  EXPECT_EQ(
      GetReason(FromGrpc(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, ""))),
      "SERVER_TOO_OLD");
}

TEST(StatusWireTest, ForeignDetailsAndCodesAreSurvived) {
  const absl::Status garbage = FromGrpc(
      grpc::Status(grpc::StatusCode::NOT_FOUND, "gone", "\xff\xff\xff"));
  EXPECT_EQ(garbage.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(GetReason(garbage), "");
  const absl::Status odd =
      FromGrpc(grpc::Status(grpc::StatusCode::DO_NOT_USE, "odd"));
  EXPECT_EQ(odd.code(), absl::StatusCode::kUnknown);
}

}  // namespace
}  // namespace archpool::wire
