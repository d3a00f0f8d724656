// SPDX-License-Identifier: Apache-2.0
// The CHECK constraints that follow from tables of words: which words a column
// takes, and which of them are ends. Migrations make most of them first; after
// the migrations each is made to name the words that this program knows, so
// that a new word needs no migration (docs/adr/0028-checks-follow-words.md).
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_SCHEMA_CHECKS_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_SCHEMA_CHECKS_H_

#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/storage/postgres/migrations.h"

namespace archpool::postgres {

// One for each column that holds an enum of the records, and those that name
// the places of money and the ends of tasks and payouts.
std::vector<SchemaCheck> SchemaChecks();

// What stands in quotes in a condition, in order, each once.
std::vector<std::string> WordsIn(absl::string_view condition);

// Makes those again that name fewer words in the database than here, or that it
// lacks; does nothing where there are none. Each in a transaction of its own,
// and rows that are there are examined in another one, in which others continue
// writing: what was begun is finished at the next start. FAILED_PRECONDITION
// (DATABASE_TOO_NEW): the database names words that are not known here, which
// rows may hold; nothing is changed. FAILED_PRECONDITION (MIGRATION_FAILED):
// the database refused one. Otherwise as RunGuarded. REQUIRES: the lock of
// Migrate is held.
absl::Status WidenChecks(pqxx::connection& connection,
                         absl::Span<const SchemaCheck> checks);

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_SCHEMA_CHECKS_H_
