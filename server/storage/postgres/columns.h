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
#include "server/storage/postgres/column_types.h"
#include "server/storage/postgres/query.h"

namespace archpool::postgres {

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
