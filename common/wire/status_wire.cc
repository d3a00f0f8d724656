// SPDX-License-Identifier: Apache-2.0
#include "common/wire/status_wire.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "archpool/v1/error.pb.h"
#include "common/base/status.h"

namespace archpool::wire {
namespace {

// Message and detail share gRPC's default limit of 8 KiB for all metadata.
constexpr size_t kMessageLengthMax = 1500;

std::string Cut(absl::string_view message) {
  if (message.size() <= kMessageLengthMax) return std::string(message);
  size_t length = kMessageLengthMax;
  // Not inside a UTF-8 sequence: protobuf refuses to parse the rest of one.
  while (length > 0 &&
         (static_cast<unsigned char>(message[length]) & 0xC0) == 0x80) {
    --length;
  }
  return absl::StrCat(message.substr(0, length), "…");
}

// The codes are the same by design (absl/status/status.h).
bool IsKnownCode(int code) {
  return code > 0 &&
         code <= static_cast<int>(absl::StatusCode::kUnauthenticated);
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  v1::ErrorDetail detail;
  detail.set_reason(GetReason(status));
  const absl::string_view message = status.message();
  detail.set_message(Cut(message));
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      detail.message(), detail.SerializeAsString());
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const int number = status.error_code();
  const absl::StatusCode code = IsKnownCode(number)
                                    ? static_cast<absl::StatusCode>(number)
                                    : absl::StatusCode::kUnknown;
  v1::ErrorDetail detail;
  if (!status.error_details().empty() &&
      detail.ParseFromString(status.error_details()) &&
      !detail.reason().empty()) {
    return MakeError(code, detail.reason(), detail.message());
  }
  if (code == absl::StatusCode::kUnavailable) {
    return Unavailable(
        "SERVER_UNREACHABLE",
        absl::StrCat("the server cannot be reached (", status.error_message(),
                     "); check its address and try again"));
  }
  if (code == absl::StatusCode::kDeadlineExceeded) {
    return MakeError(code, "CALL_TIMED_OUT",
                     "the server did not answer in time; try again");
  }
  if (code == absl::StatusCode::kUnimplemented) {
    return MakeError(code, "SERVER_TOO_OLD",
                     "the server does not know this call: it is of an earlier "
                     "version than this program; ask its operator to update "
                     "it");
  }
  return absl::Status(code, status.error_message());
}

}  // namespace archpool::wire
