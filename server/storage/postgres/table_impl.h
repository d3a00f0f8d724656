// SPDX-License-Identifier: Apache-2.0
// How a Table of columns.h becomes SQL, and rows become records: for the files
// that describe tables, which instantiate it for their rows. Functions;
// thread-safe.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_TABLE_IMPL_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_TABLE_IMPL_H_

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/substitute.h"
#include "server/storage/postgres/columns.h"

namespace archpool::postgres {

inline absl::Status Corrupt(const std::string& what,
                            const absl::Status& status) {
  return Internal("STORE_CORRUPT", absl::StrCat("the database holds a broken ",
                                                what, ": ", status.message()));
}

template <typename Record>
std::string Table<Record>::SelectSql() const {
  std::vector<std::string> parts;
  for (const auto& column : columns) {
    std::string held = column.name;
    if (!column.retired.empty()) {
      held = absl::StrCat("coalesce(", column.name, ", ",
                          absl::Substitute(column.from_retired, column.retired),
                          ")");
    }
    parts.push_back(absl::Substitute(column.shape.to_text, held));
  }
  return absl::StrCat("SELECT ", absl::StrJoin(parts, ", "), " FROM ", name);
}

template <typename Record>
std::string Table<Record>::InsertSql() const {
  std::vector<std::string> names;
  std::vector<std::string> values;
  std::vector<std::string> arrays;
  for (const auto& column : columns) {
    names.push_back(column.name);
    values.push_back(absl::Substitute(column.shape.from_array,
                                      absl::StrCat("t.", column.name)));
    arrays.push_back(absl::StrCat("$", arrays.size() + 1,
                                  "::", column.shape.array_type, "[]"));
  }
  const std::string list = absl::StrJoin(names, ", ");
  // Each row fills one of the two, so that nothing stale is left to be read.
  for (const auto& column : columns) {
    if (column.retired.empty()) continue;
    names.push_back(column.retired);
    values.emplace_back("NULL");
  }
  // In the order of the keys: what gives up a unique place (an ended lease) is
  // older than what takes it, and has to come first.
  return absl::StrCat("INSERT INTO ", name, " (", absl::StrJoin(names, ", "),
                      ") SELECT ", absl::StrJoin(values, ", "), " FROM unnest(",
                      absl::StrJoin(arrays, ", "), ") AS t (", list,
                      ") ORDER BY ", key);
}

template <typename Record>
std::string Table<Record>::UpsertSql() const {
  std::vector<std::string> sets;
  for (const auto& column : columns) {
    if (IsKey(column)) continue;
    sets.push_back(absl::StrCat(column.name, " = excluded.", column.name));
    if (column.retired.empty()) continue;
    sets.push_back(absl::StrCat(column.retired, " = NULL"));
  }
  return absl::StrCat(InsertSql(), " ON CONFLICT (", key, ") DO UPDATE SET ",
                      absl::StrJoin(sets, ", "));
}

template <typename Record>
bool Table<Record>::IsKey(const Column<Record>& column) const {
  const std::vector<std::string> keys = absl::StrSplit(key, ", ");
  return std::find(keys.begin(), keys.end(), column.name) != keys.end();
}

template <typename Record>
std::string Table<Record>::DeleteSql() const {
  std::vector<std::string> names;
  std::vector<std::string> arrays;
  std::vector<std::string> matches;
  for (const auto& column : columns) {
    if (!IsKey(column)) continue;
    names.push_back(column.name);
    arrays.push_back(absl::StrCat("$", arrays.size() + 1,
                                  "::", column.shape.array_type, "[]"));
    matches.push_back(
        absl::StrCat(name, ".", column.name, " = ",
                     absl::Substitute(column.shape.from_array,
                                      absl::StrCat("t.", column.name))));
  }
  return absl::StrCat("DELETE FROM ", name, " USING unnest(",
                      absl::StrJoin(arrays, ", "), ") AS t (",
                      absl::StrJoin(names, ", "), ") WHERE ",
                      absl::StrJoin(matches, " AND "));
}

template <typename Record>
absl::StatusOr<Parameters> Table<Record>::ParametersOf(
    const std::vector<const Record*>& records, bool keys_alone) const {
  Parameters parameters;
  parameters.reserve(columns.size());
  for (const auto& column : columns) {
    if (keys_alone && !IsKey(column)) continue;
    ArrayText array;
    for (const Record* record : records) column.write(*record, array);
    if (array.has_nul()) {
      return FailedPrecondition(
          "CONSTRAINT", absl::StrCat("a text for ", name, ".", column.name,
                                     " holds a NUL character"));
    }
    parameters.push_back(std::move(array).Take());
  }
  return parameters;
}

template <typename Record>
absl::StatusOr<Record> Table<Record>::RecordOf(const pqxx::row& row) const {
  Record record;
  pqxx::row::size_type index = 0;
  for (const auto& column : columns) {
    const pqxx::field field = row[index++];
    if (field.is_null()) continue;
    const absl::Status status = column.read(TextOf(field), record);
    if (!status.ok())
      return Corrupt(absl::StrCat(name, ".", column.name), status);
  }
  return record;
}

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_TABLE_IMPL_H_
