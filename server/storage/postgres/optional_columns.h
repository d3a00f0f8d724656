// SPDX-License-Identifier: Apache-2.0
// Columns of what a record has in some of its states alone: a field, or a part
// of several. What stands for its absence in a row is known here, and nowhere
// else.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_OPTIONAL_COLUMNS_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_OPTIONAL_COLUMNS_H_

#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/storage/postgres/columns.h"

namespace archpool::postgres {

// A column of an std::optional: NULL without it.
template <typename Record, typename Access>
Column<Record> Optional(const char* name, Access access) {
  using Held =
      std::remove_reference_t<decltype(access(std::declval<Record&>()))>;
  return {name, ShapeOf(typename Held::value_type{}),
          [access](const Record& record, ArrayText& array) {
            if (access(record).has_value()) {
              Write(*access(record), array);
            } else {
              array.AddNull();
            }
          },
          [access](absl::string_view text, Record& record) {
            return Read(text, access(record).emplace());
          }};
}

// `column`, which a migration added beside the column `retired` of another type
// or name: docs/adr/0033-grow-then-shrink.md. Rows that servers from before
// wrote have their value there.
template <typename Record>
Column<Record> InPlaceOf(const char* retired, Column<Record> column) {
  column.retired = retired;
  const bool is_bool =
      absl::string_view(column.shape.array_type) == kBoolShape.array_type;
  column.from_retired = is_bool ? "$0 <> 0" : "$0";
  return column;
}

// What the key of a part has where the record lacks the part.
enum class Without {
  kNull,
  // Or, in rows that servers from before wrote, what a part has that was just
  // made.
  kNullOrDefault,
};

// `column` of the part that `part` gives, an std::optional of a record. It is
// read where the part is there: its key comes before it.
template <typename Record, typename Access, typename Part>
Column<Record> InPart(Access part, Column<Part> column) {
  return {column.name, column.shape,
          [part, write = column.write](const Record& record, ArrayText& array) {
            if (part(record).has_value()) {
              write(*part(record), array);
            } else {
              array.AddNull();
            }
          },
          [part, read = column.read](absl::string_view text, Record& record) {
            return part(record).has_value() ? read(text, *part(record))
                                            : absl::OkStatus();
          },
          column.words};
}

// The same of the column that says whether the part is there at all: it is
// where the column has anything but what stands for its absence.
template <typename Record, typename Access, typename Part>
Column<Record> KeyOfPart(Access part, Column<Part> column,
                         Without without = Without::kNull) {
  Column<Record> key = InPart<Record>(part, column);
  key.read = [part, without, read = column.read](
                 absl::string_view text, Record& record) -> absl::Status {
    Part made;
    ARCHPOOL_RETURN_IF_ERROR(read(text, made));
    if (without == Without::kNull || made != Part()) {
      part(record) = std::move(made);
    }
    return absl::OkStatus();
  };
  return key;
}

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_OPTIONAL_COLUMNS_H_
