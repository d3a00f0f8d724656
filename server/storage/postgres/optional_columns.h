// SPDX-License-Identifier: Apache-2.0
// Columns of what a record has in some of its states alone: a field, or a part
// of several. What stands for its absence in a row is known here, and nowhere
// else.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_OPTIONAL_COLUMNS_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_OPTIONAL_COLUMNS_H_

#include <array>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/base/words.h"
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

// What servers from before wrote where a record lacks the enum that a column is
// of; now it is NULL.
inline constexpr char kNoneWord[] = "none";

// The enum's words behind that one: a check of them holds for such rows too.
template <HasWords Enum>
inline constexpr auto kWordsAfterNone = [] {
  std::array<const char*, kCountOf<Enum> + 1> words = {kNoneWord};
  for (size_t i = 0; i < kCountOf<Enum>; ++i) words[i + 1] = kWordsOf<Enum>[i];
  return words;
}();

// `column` of an enum that a record may lack, where such rows may be.
template <HasWords Enum, typename Record>
Column<Record> OrNone(Column<Record> column) {
  column.words = kWordsAfterNone<Enum>;
  column.read = [read = std::move(column.read)](absl::string_view text,
                                                Record& record) {
    return text == kNoneWord ? absl::OkStatus() : read(text, record);
  };
  return column;
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
// where the column is not NULL.
template <typename Record, typename Access, typename Part>
Column<Record> KeyOfPart(Access part, Column<Part> column) {
  Column<Record> key = InPart<Record>(part, column);
  key.read = [part, read = column.read](absl::string_view text,
                                        Record& record) -> absl::Status {
    Part made;
    ARCHPOOL_RETURN_IF_ERROR(read(text, made));
    part(record) = std::move(made);
    return absl::OkStatus();
  };
  return key;
}

// `column` of such a part where NULL may not stand: without the part it holds
// what a part has that was just made, and anything else there makes the part.
template <typename Record, typename Access, typename Part>
Column<Record> InPartOrDefault(Access part, Column<Part> column) {
  Column<Record> whole = InPart<Record>(part, column);
  whole.write = [part, write = column.write](const Record& record,
                                             ArrayText& array) {
    write(part(record).has_value() ? *part(record) : Part(), array);
  };
  whole.read = [part, read = column.read](absl::string_view text,
                                          Record& record) -> absl::Status {
    Part read_part = part(record).value_or(Part());
    ARCHPOOL_RETURN_IF_ERROR(read(text, read_part));
    if (read_part != Part()) part(record) = std::move(read_part);
    return absl::OkStatus();
  };
  return whole;
}

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_OPTIONAL_COLUMNS_H_
