// SPDX-License-Identifier: Apache-2.0
// Readers for single fields of messages from outside, and writers for times.
// `path` is the field's place in the message, e.g. "spec.recipe.epochs"; every
// error names it. Pure functions; thread-safe.
//
// All errors are INVALID_ARGUMENT: FIELD_REQUIRED (unset or empty),
// FIELD_RANGE (a number or a time outside its range), FIELD_MALFORMED (bytes or
// text of the wrong form), FIELD_TOO_MANY (a list over its limit).
#ifndef ARCHPOOL_COMMON_WIRE_FIELDS_H_
#define ARCHPOOL_COMMON_WIRE_FIELDS_H_

#include <cstdint>
#include <initializer_list>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/range.h"
#include "common/crypto/sha256.h"
#include "common/model/ids.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace archpool::wire {

// The longest that a google.protobuf.Duration holds: 10,000 years.
inline constexpr int64_t kDurationSecondsMax = 315'576'000'000;
inline constexpr absl::Duration kDurationMax =
    absl::Seconds(kDurationSecondsMax);

absl::Status RequiredError(absl::string_view path);

// archpool::CheckRange and CheckRanges, with FIELD_RANGE.
absl::Status CheckRange(absl::string_view path, int64_t value,
                        const Range<int64_t>& range);
absl::Status CheckRanges(absl::string_view parent,
                         std::initializer_list<RangeRule> rules);

// `count` items of a list, `max` allowed.
absl::Status CheckCount(absl::string_view path, int64_t count, int64_t max);

// 1 to `length_max` printable ASCII characters.
absl::Status CheckPrintable(absl::string_view path, absl::string_view text,
                            int64_t length_max);
// 1 to 64 characters of [a-z0-9-] (common/model/account.h).
absl::Status CheckName(absl::string_view path, absl::string_view text);

// 32 bytes.
absl::StatusOr<Digest> ReadDigest(absl::string_view path,
                                  absl::string_view bytes);

// A positive id.
template <typename IdType>
absl::StatusOr<IdType> ReadId(absl::string_view path, int64_t value) {
  if (value == 0) return RequiredError(path);
  const absl::Status status = CheckRange(path, value, {1, INT64_MAX});
  if (!status.ok()) return status;
  return IdType{value};
}

// "<parent>.<field>", or "<field>" where the parent is empty.
std::string Join(absl::string_view parent, absl::string_view field);
// "<list>[<index>]".
std::string At(absl::string_view list, int64_t index);

google::protobuf::Timestamp ToProto(absl::Time time);
google::protobuf::Duration ToProto(absl::Duration duration);
// Within what the message may hold (years 1 to 9999).
absl::StatusOr<absl::Time> ReadTime(absl::string_view path,
                                    const google::protobuf::Timestamp& proto);
absl::StatusOr<absl::Duration> ReadDuration(
    absl::string_view path, const google::protobuf::Duration& proto,
    const Range<absl::Duration>& range);

}  // namespace archpool::wire

#endif  // ARCHPOOL_COMMON_WIRE_FIELDS_H_
