// SPDX-License-Identifier: Apache-2.0
#include "common/wire/fields.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/model/account.h"

namespace archpool::wire {
namespace {

constexpr absl::string_view kRangeReason = "FIELD_RANGE";

// What google.protobuf.Timestamp and Duration allow.
constexpr int64_t kTimestampSecondsMin = -62'135'596'800;
constexpr int64_t kTimestampSecondsMax = 253'402'300'799;
constexpr int64_t kNanosMax = 999'999'999;

// Echoes input in an error without letting it fill the message or the terminal.
std::string Quote(absl::string_view text) {
  constexpr size_t kEchoLengthMax = 80;
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kEchoLengthMax)),
                      text.size() > kEchoLengthMax ? "…\"" : "\"");
}

}  // namespace

absl::Status RequiredError(absl::string_view path) {
  return InvalidArgument("FIELD_REQUIRED",
                         absl::StrCat("field ", path, " is required; set it"));
}

absl::Status CheckRange(absl::string_view path, int64_t value,
                        const Range<int64_t>& range) {
  return archpool::CheckRange(kRangeReason, path, value, range);
}

absl::Status CheckRanges(absl::string_view parent,
                         std::initializer_list<RangeRule> rules) {
  return archpool::CheckRanges(kRangeReason, parent, rules);
}

absl::Status CheckCount(absl::string_view path, int64_t count, int64_t max) {
  if (count <= max) return absl::OkStatus();
  return InvalidArgument("FIELD_TOO_MANY",
                         absl::StrCat("field ", path, " has ", count,
                                      " items; at most ", max, " are allowed"));
}

absl::Status CheckPrintable(absl::string_view path, absl::string_view text,
                            int64_t length_max) {
  if (text.empty()) return RequiredError(path);
  const bool printable = std::all_of(
      text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (printable && static_cast<int64_t>(text.size()) <= length_max) {
    return absl::OkStatus();
  }
  return InvalidArgument(
      "FIELD_MALFORMED",
      absl::StrCat("field ", path, " is ", Quote(text), "; it must be 1 to ",
                   length_max, " printable ASCII characters"));
}

absl::Status CheckName(absl::string_view path, absl::string_view text) {
  if (text.empty()) return RequiredError(path);
  if (IsName(text)) return absl::OkStatus();
  return InvalidArgument(
      "FIELD_MALFORMED",
      absl::StrCat("field ", path, " is ", Quote(text),
                   "; it must be 1 to 64 characters of [a-z0-9-]"));
}

absl::StatusOr<Digest> ReadDigest(absl::string_view path,
                                  absl::string_view bytes) {
  if (bytes.empty()) return RequiredError(path);
  absl::StatusOr<Digest> digest = Digest::FromBytes(bytes);
  if (digest.ok() && digest->IsZero()) {
    return InvalidArgument(
        "FIELD_MALFORMED",
        absl::StrCat("field ", path, " is all zeros, which no digest is"));
  }
  if (digest.ok()) return digest;
  return InvalidArgument("FIELD_MALFORMED",
                         absl::StrCat("field ", path, " has ", bytes.size(),
                                      " bytes; a digest has 32"));
}

std::string Join(absl::string_view parent, absl::string_view field) {
  return parent.empty() ? std::string(field) : absl::StrCat(parent, ".", field);
}

std::string At(absl::string_view list, int64_t index) {
  return absl::StrCat(list, "[", index, "]");
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  // Times that mean "never" become the ends of what the message can hold.
  const absl::Time least = absl::FromUnixSeconds(kTimestampSecondsMin);
  const absl::Time most = absl::FromUnixSeconds(kTimestampSecondsMax);
  const absl::Time bounded = std::clamp(time, least, most);
  google::protobuf::Timestamp proto;
  proto.set_seconds(absl::ToUnixSeconds(bounded));
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(
      bounded - absl::FromUnixSeconds(proto.seconds()))));
  return proto;
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  const absl::Duration most = absl::Seconds(kDurationSecondsMax);
  absl::Duration rest = std::clamp(duration, -most, most);
  google::protobuf::Duration proto;
  proto.set_seconds(absl::IDivDuration(rest, absl::Seconds(1), &rest));
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return proto;
}

absl::StatusOr<absl::Time> ReadTime(absl::string_view path,
                                    const google::protobuf::Timestamp& proto) {
  ARCHPOOL_RETURN_IF_ERROR(
      CheckRanges(path, {{"seconds",
                          proto.seconds(),
                          {kTimestampSecondsMin, kTimestampSecondsMax}},
                         {"nanos", proto.nanos(), {0, kNanosMax}}}));
  return absl::FromUnixSeconds(proto.seconds()) +
         absl::Nanoseconds(proto.nanos());
}

absl::StatusOr<absl::Duration> ReadDuration(
    absl::string_view path, const google::protobuf::Duration& proto,
    const Range<absl::Duration>& range) {
  ARCHPOOL_RETURN_IF_ERROR(
      CheckRanges(path, {{"seconds",
                          proto.seconds(),
                          {-kDurationSecondsMax, kDurationSecondsMax}},
                         {"nanos",
                          proto.nanos(),
                          {proto.seconds() > 0 ? 0 : -kNanosMax,
                           proto.seconds() < 0 ? 0 : kNanosMax}}}));
  const absl::Duration duration =
      absl::Seconds(proto.seconds()) + absl::Nanoseconds(proto.nanos());
  ARCHPOOL_RETURN_IF_ERROR(
      archpool::CheckRange(kRangeReason, path, duration, range));
  return duration;
}

}  // namespace archpool::wire
