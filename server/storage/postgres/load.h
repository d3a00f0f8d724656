// SPDX-License-Identifier: Apache-2.0
// Loads what a new writer starts from.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_LOAD_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_LOAD_H_

#include <cstdint>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/core/state/pool_state.h"
#include "server/storage/postgres/columns.h"
#include "server/storage/postgres/query.h"

namespace archpool::postgres {

// What PoolSnapshot promises, in one snapshot of the database. Throws as
// libpqxx does. INTERNAL (STORE_CORRUPT).
absl::StatusOr<PoolSnapshot> Load(pqxx::connection& connection);

// The tables of records that the core numbers, by name.
std::vector<std::string> NumberedTables();

// The greatest id of `table`, or the floor that a restore has put under the
// next ones (pool_restore.h). As Load.
int64_t LastIdOf(pqxx::transaction_base& transaction, const std::string& table);

// The rows of `table` under `condition` ("WHERE … ORDER BY …"). As Load.
template <typename Row>
absl::StatusOr<std::vector<Row>> Select(pqxx::transaction_base& transaction,
                                        const Table<Row>& table,
                                        const std::string& condition,
                                        const Parameters& parameters) {
  const pqxx::result result = Execute(
      transaction, absl::StrCat(table.SelectSql(), " ", condition), parameters);
  std::vector<Row> rows;
  rows.reserve(static_cast<size_t>(result.size()));
  for (const auto& row : result) {
    ARCHPOOL_ASSIGN_OR_RETURN(Row record, table.RecordOf(row));
    rows.push_back(std::move(record));
  }
  return rows;
}

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_LOAD_H_
