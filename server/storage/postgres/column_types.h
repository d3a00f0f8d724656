// SPDX-License-Identifier: Apache-2.0
// How a value of each type that records have lies in a column: the SQL around
// it, and both directions. Part of server/storage/postgres/columns.h.
// Functions; thread-safe.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_COLUMN_TYPES_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_COLUMN_TYPES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/status.h"
#include "common/base/words.h"
#include "server/core/records/entities.h"
#include "server/storage/postgres/array_text.h"

namespace archpool::postgres {

// SQL around a column: $0 stands for it.
struct SqlShape {
  const char* array_type;  // of the parameter that carries the column
  const char* from_array;  // element → column
  const char* to_text;     // column → what is read
};

inline constexpr SqlShape kIntShape = {"bigint", "$0", "$0"};
inline constexpr SqlShape kBoolShape = {"boolean", "$0", "$0"};
inline constexpr SqlShape kTextShape = {"text", "$0", "$0"};
inline constexpr SqlShape kBytesShape = {"bytea", "$0", "$0"};
inline constexpr SqlShape kIntListShape = {"text", "$0::bigint[]", "$0"};
inline constexpr SqlShape kTextListShape = {"text", "$0::text[]", "$0"};
// Whole microseconds since 1970, exact until the year 2255.
inline constexpr SqlShape kTimeShape = {
    "bigint", "timestamptz 'epoch' + $0 * interval '1 microsecond'",
    "(extract(epoch FROM $0) * 1000000)::bigint"};

// One overload set per type of field: its shape, and both directions.

inline SqlShape ShapeOf(int64_t) { return kIntShape; }
inline void Write(int64_t value, ArrayText& array) { array.AddInt(value); }
absl::Status Read(absl::string_view text, int64_t& value);

inline SqlShape ShapeOf(bool) { return kBoolShape; }
inline void Write(bool value, ArrayText& array) { array.AddInt(value ? 1 : 0); }
absl::Status Read(absl::string_view text, bool& value);

inline SqlShape ShapeOf(const std::string&) { return kTextShape; }
inline void Write(const std::string& text, ArrayText& array) {
  array.AddText(text);
}
absl::Status Read(absl::string_view text, std::string& value);

inline SqlShape ShapeOf(const Digest&) { return kBytesShape; }
inline void Write(const Digest& value, ArrayText& array) {
  array.AddBytes(value.bytes);
}
absl::Status Read(absl::string_view text, Digest& value);

inline SqlShape ShapeOf(const PublicKey&) { return kBytesShape; }
inline void Write(const PublicKey& value, ArrayText& array) {
  array.AddBytes(value.bytes);
}
absl::Status Read(absl::string_view text, PublicKey& value);

inline SqlShape ShapeOf(const Signature&) { return kBytesShape; }
inline void Write(const Signature& value, ArrayText& array) {
  array.AddBytes(value.bytes);
}
absl::Status Read(absl::string_view text, Signature& value);

// All of it in one column, which nothing looks into; none is empty.
inline SqlShape ShapeOf(const Opening&) { return kBytesShape; }
void Write(const Opening& value, ArrayText& array);
absl::Status Read(absl::string_view text, Opening& value);

// Likewise.
inline SqlShape ShapeOf(const std::vector<AuditLook>&) { return kBytesShape; }
void Write(const std::vector<AuditLook>& value, ArrayText& array);
absl::Status Read(absl::string_view text, std::vector<AuditLook>& value);

inline SqlShape ShapeOf(absl::Time) { return kTimeShape; }
inline void Write(absl::Time value, ArrayText& array) {
  array.AddInt(absl::ToUnixMicros(value));
}
absl::Status Read(absl::string_view text, absl::Time& value);

inline SqlShape ShapeOf(absl::Duration) { return kIntShape; }
inline void Write(absl::Duration value, ArrayText& array) {
  array.AddInt(absl::ToInt64Nanoseconds(value));
}
absl::Status Read(absl::string_view text, absl::Duration& value);

inline SqlShape ShapeOf(const Architecture&) { return kBytesShape; }
inline void Write(const Architecture& value, ArrayText& array) {
  array.AddBytes(value.choices);
}
absl::Status Read(absl::string_view text, Architecture& value);

inline SqlShape ShapeOf(const std::vector<TrialId>&) { return kIntListShape; }
void Write(const std::vector<TrialId>& value, ArrayText& array);
absl::Status Read(absl::string_view text, std::vector<TrialId>& value);

inline SqlShape ShapeOf(const std::vector<AccountId>&) { return kIntListShape; }
void Write(const std::vector<AccountId>& value, ArrayText& array);
absl::Status Read(absl::string_view text, std::vector<AccountId>& value);

// Accounts and parts by turns.
inline SqlShape ShapeOf(const std::vector<RevenuePart>&) {
  return kIntListShape;
}
void Write(const std::vector<RevenuePart>& value, ArrayText& array);
absl::Status Read(absl::string_view text, std::vector<RevenuePart>& value);

// Each account and seven numbers by turns, in the order of MinerShare.
inline SqlShape ShapeOf(const std::vector<MinerShare>&) {
  return kIntListShape;
}
void Write(const std::vector<MinerShare>& value, ArrayText& array);
absl::Status Read(absl::string_view text, std::vector<MinerShare>& value);

// Reasons and counts by turns.
inline SqlShape ShapeOf(const std::map<std::string, int64_t>&) {
  return kTextListShape;
}
void Write(const std::map<std::string, int64_t>& value, ArrayText& array);
absl::Status Read(absl::string_view text,
                  std::map<std::string, int64_t>& value);

// The sets of a box: 64 bits each, stored as the integer of the same bits.
inline SqlShape ShapeOf(const std::vector<uint64_t>&) { return kIntListShape; }
void Write(const std::vector<uint64_t>& value, ArrayText& array);
absl::Status Read(absl::string_view text, std::vector<uint64_t>& value);

template <typename Tag>
SqlShape ShapeOf(Id<Tag>) {
  return kIntShape;
}
template <typename Tag>
void Write(Id<Tag> value, ArrayText& array) {
  array.AddInt(value.value);
}
template <typename Tag>
absl::Status Read(absl::string_view text, Id<Tag>& value) {
  return Read(text, value.value);
}

template <typename Enum>
requires std::is_enum_v<Enum> SqlShape ShapeOf(Enum) { return kTextShape; }
template <typename Enum>
requires std::is_enum_v<Enum>
void Write(Enum value, ArrayText& array) { array.AddText(ToString(value)); }
template <typename Enum>
requires std::is_enum_v<Enum> absl::Status Read(absl::string_view text,
                                                Enum& value) {
  const std::optional<Enum> found = FindWord<Enum>(text);
  if (!found) {
    return Internal("STORE_CORRUPT", absl::StrCat("unknown word '", text, "'"));
  }
  value = *found;
  return absl::OkStatus();
}

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_COLUMN_TYPES_H_
