// SPDX-License-Identifier: Apache-2.0
// How the fields of a record lie in the columns of a table: one description
// that writes them, reads them and spells the SQL for both, so that the two
// directions cannot drift apart.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_COLUMNS_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_COLUMNS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/base/status.h"
#include "common/base/words.h"
#include "server/core/records/entities.h"
#include "server/storage/postgres/array_text.h"
#include "server/storage/postgres/query.h"

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

// The field of a record, const or not.
#define ARCHPOOL_FIELD(path) \
  [](auto& record) -> auto& { return record.path; }

template <typename Record>
struct Column {
  std::string name;
  SqlShape shape;
  std::function<void(const Record&, ArrayText&)> write;
  // Not called for NULL: the record keeps what it was made with.
  std::function<absl::Status(absl::string_view, Record&)> read;
  // For an enum: the words that it may hold.
  absl::Span<const char* const> words = {};
  // The column that servers from before fill in its place, or "", and what its
  // value is here; see InPlaceOf.
  std::string retired = {};
  const char* from_retired = "$0";
};

// `access` is generic: it gives the field of a record, or of a const record.
template <typename Record, typename Access>
Column<Record> Field(const char* name, Access access) {
  const Record example{};
  using Value = std::remove_cvref_t<decltype(access(example))>;
  Column<Record> column = {name, ShapeOf(access(example)),
                           [access](const Record& record, ArrayText& array) {
                             Write(access(record), array);
                           },
                           [access](absl::string_view text, Record& record) {
                             return Read(text, access(record));
                           }};
  if constexpr (HasWords<Value>) column.words = kWordsOf<Value>;
  return column;
}

// As Field, with NULL in place of `none`, the value a new record has there.
template <typename Record, typename Access, typename None>
Column<Record> Nullable(const char* name, Access access, None none) {
  Column<Record> column = Field<Record>(name, access);
  column.write = [access, none](const Record& record, ArrayText& array) {
    if (access(record) == none) {
      array.AddNull();
    } else {
      Write(access(record), array);
    }
  };
  return column;
}

// A string of bytes, which nothing in the database looks into.
template <typename Record, typename Access>
Column<Record> BytesField(const char* name, Access access) {
  return {name, kBytesShape,
          [access](const Record& record, ArrayText& array) {
            array.AddBytes(absl::string_view(access(record)));
          },
          [access](absl::string_view text, Record& record) -> absl::Status {
            ARCHPOOL_ASSIGN_OR_RETURN(access(record), ParseBytes(text));
            return absl::OkStatus();
          }};
}

template <typename Record>
struct Table {
  std::string name;
  std::string key;  // the primary key's columns, comma-separated
  std::vector<Column<Record>> columns;

  // SELECT with every column in order, ready for a WHERE.
  std::string SelectSql() const;
  // Many rows at once, one array parameter per column.
  std::string InsertSql() const;
  // The same; a row that is there becomes the new one.
  std::string UpsertSql() const;
  // Takes away rows by their keys, one array parameter per key column.
  std::string DeleteSql() const;

  // FAILED_PRECONDITION (CONSTRAINT): a text that no column can hold.
  // `keys_alone`: for DeleteSql.
  absl::StatusOr<Parameters> ParametersOf(
      const std::vector<const Record*>& records, bool keys_alone = false) const;
  // INTERNAL (STORE_CORRUPT). REQUIRES: `row` is of SelectSql.
  absl::StatusOr<Record> RecordOf(const pqxx::row& row) const;
  bool IsKey(const Column<Record>& column) const;
};

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_COLUMNS_H_
