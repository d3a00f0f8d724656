// SPDX-License-Identifier: Apache-2.0
// Brings a database's schema to what this program needs. The files of
// migrations/ are part of the program.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_MIGRATIONS_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_MIGRATIONS_H_

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace archpool {

struct Migration {
  std::string file_name;  // V001__create_pool.sql
  std::string sql;
};

// Those of this program, by version.
const std::vector<Migration>& EmbeddedMigrations();

// A CHECK constraint that the database is to have, whatever migrations made of
// it: it takes at least the words that its condition quotes.
struct SchemaCheck {
  std::string table;
  std::string name;
  std::string condition;
};

// Applies what is missing, in order, each in a transaction of its own that also
// records its version and checksum, and then makes again those of `checks` that
// lack a word (schema_checks.h). Idempotent; of several programs that start
// at once one applies and the others wait for it (an advisory lock), which is
// told to `on_wait`, once. UNAVAILABLE (STOPPED): `stop` was requested
// meanwhile. FAILED_PRECONDITION (DATABASE_TOO_NEW): a newer program was here,
// of which there are migrations, or words in a constraint.
// FAILED_PRECONDITION (DATABASE_FOREIGN): the database has tables, and nobody
// ever migrated it. FAILED_PRECONDITION (MIGRATION_EDITED): an applied file has
// changed since.
// INVALID_ARGUMENT (MIGRATION_NAME): the files are not numbered 1, 2, 3, …
// FAILED_PRECONDITION (MIGRATION_FAILED): the database refused one; that one is
// rolled back, those before it stay. INVALID_ARGUMENT (DATABASE_URL_MALFORMED).
// FAILED_PRECONDITION or UNAVAILABLE with a reason of server_errors.h;
// UNAVAILABLE (STORE_UNREACHABLE).
struct MigrateOptions {
  std::stop_token stop;
  std::function<void()> on_wait;
};
absl::Status Migrate(const std::string& connection_string,
                     absl::Span<const Migration> migrations,
                     absl::Span<const SchemaCheck> checks,
                     const MigrateOptions& options = MigrateOptions());
// Those of this program.
absl::Status Migrate(const std::string& connection_string,
                     const MigrateOptions& options = MigrateOptions());
// Without checks.
inline absl::Status Migrate(const std::string& connection_string,
                            absl::Span<const Migration> migrations,
                            const MigrateOptions& options = MigrateOptions()) {
  return Migrate(connection_string, migrations, absl::Span<const SchemaCheck>(),
                 options);
}

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_MIGRATIONS_H_
