// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/migrations.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/status.h"
#include "common/base/stop.h"
#include "common/crypto/sha256.h"
#include "server/storage/postgres/query.h"
#include "server/storage/postgres/schema_checks.h"
#include "server/storage/postgres/server_errors.h"
#include "server/storage/postgres/statement_watch.h"

namespace archpool {
namespace {

using postgres::Execute;

// Names the lock among all advisory locks of the database: "archpool" in ASCII.
constexpr int64_t kLockKey = 0x61726368'706f6f6c;
constexpr absl::Duration kLockInterval = absl::Milliseconds(200);
constexpr absl::Duration kMigrationsMax = absl::Hours(24);

absl::StatusOr<int64_t> VersionOf(const Migration& migration) {
  absl::string_view name = migration.file_name;
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(name, absl::MaxSplits("__", 1));
  absl::string_view digits = parts.first;
  int64_t version = 0;
  if (!absl::ConsumePrefix(&digits, "V") ||
      !absl::SimpleAtoi(digits, &version) ||
      !absl::EndsWith(parts.second, ".sql")) {
    return InvalidArgument(
        "MIGRATION_NAME",
        absl::StrCat("a migration is called V<number>__<what_it_does>.sql, not "
                     "'",
                     name, "'"));
  }
  return version;
}

absl::Status CheckNumbers(absl::Span<const Migration> migrations) {
  int64_t expected = 1;
  for (const Migration& migration : migrations) {
    ARCHPOOL_ASSIGN_OR_RETURN(const int64_t version, VersionOf(migration));
    if (version != expected) {
      return InvalidArgument(
          "MIGRATION_NAME",
          absl::StrCat(migration.file_name, " stands where version ", expected,
                       " belongs: number the files 1, 2, 3, …"));
    }
    ++expected;
  }
  return absl::OkStatus();
}

std::string ChecksumOf(const Migration& migration) {
  return Sha256(migration.sql).ToString();
}

absl::Status Stopped() {
  return Unavailable("STOPPED",
                     "stopped before the database had this program's schema; "
                     "the next start continues");
}

absl::Status CheckServerOf(pqxx::connection& connection) {
  pqxx::nontransaction transaction(connection);
  const pqxx::result shown = transaction.exec("SHOW server_encoding");
  return postgres::CheckServer(connection.server_version(),
                               shown.at(0).at(0).c_str());
}

// Held by the session: it goes with the connection, however that ends. It is
// tried again and again, not waited for, so that a stop is heard.
absl::Status Lock(pqxx::connection& connection, const MigrateOptions& options) {
  for (bool is_first = true;; is_first = false) {
    pqxx::nontransaction lock(connection);
    const pqxx::result locked =
        lock.exec(absl::StrCat("SELECT pg_try_advisory_lock(", kLockKey, ")"));
    if (locked.at(0).at(0).as<bool>()) return absl::OkStatus();
    if (is_first && options.on_wait) options.on_wait();
    if (WaitOrStop(options.stop, kLockInterval)) return Stopped();
  }
}

// Beside another program's tables, ours would be hard to tell from them, and a
// restore of either would bring back both. What extensions bring does not
// count.
absl::Status CheckIsOurs(pqxx::transaction_base& transaction) {
  const pqxx::result others = transaction.exec(
      "SELECT c.relname FROM pg_class c"
      " JOIN pg_namespace n ON n.oid = c.relnamespace"
      " WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')"
      " AND to_regclass('schema_migration') IS NULL"
      " AND NOT EXISTS (SELECT FROM pg_depend d"
      " WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid"
      " AND d.deptype = 'e')"
      " ORDER BY c.relname LIMIT 1");
  if (others.empty()) return absl::OkStatus();
  return FailedPrecondition(
      "DATABASE_FOREIGN",
      absl::StrCat("the database holds another program's tables, such as '",
                   others.at(0).at(0).c_str(),
                   "', and none of archpool's; nothing was changed. Give "
                   "archpool a database of its own (CREATE DATABASE)"));
}

// How many of `migrations` the database has had, all unchanged.
absl::StatusOr<size_t> CountApplied(pqxx::transaction_base& transaction,
                                    absl::Span<const Migration> migrations) {
  const pqxx::result applied = transaction.exec(
      "SELECT version, file_name, checksum FROM schema_migration"
      " ORDER BY version");
  const auto count = static_cast<size_t>(applied.size());
  if (count > migrations.size()) {
    return FailedPrecondition(
        "DATABASE_TOO_NEW",
        absl::StrCat("the database is at version ", count,
                     " of its schema, this program knows ", migrations.size(),
                     ": start the newer archpool-server, or restore the "
                     "backup made before it ran"));
  }
  size_t index = 0;
  for (const auto& row : applied) {
    const Migration& known = migrations[index++];
    if (known.file_name != row[1].c_str() ||
        ChecksumOf(known) != row[2].c_str()) {
      return FailedPrecondition(
          "MIGRATION_EDITED",
          absl::StrCat("the database was given ", row[1].c_str(), " (SHA-256 ",
                       row[2].c_str(), "), and this program has ",
                       known.file_name, " (", ChecksumOf(known),
                       ") in its place: migrations are never edited, add one"));
    }
  }
  return count;
}

absl::Status Apply(pqxx::connection& connection, size_t version,
                   const Migration& migration) {
  const absl::Status status = postgres::RunGuarded([&]() -> absl::Status {
    pqxx::work transaction(connection);
    transaction.exec(migration.sql);
    Execute(
        transaction,
        "INSERT INTO schema_migration (version, file_name, checksum)"
        " VALUES ($1::bigint, $2::text, $3::text)",
        {absl::StrCat(version), migration.file_name, ChecksumOf(migration)});
    transaction.commit();
    return absl::OkStatus();
  });
  if (status.ok() || absl::IsUnavailable(status)) return status;
  return FailedPrecondition(
      "MIGRATION_FAILED",
      absl::StrCat(migration.file_name,
                   " was refused and rolled back: ", status.message()));
}

}  // namespace

absl::Status Migrate(const std::string& connection_string,
                     absl::Span<const Migration> migrations,
                     absl::Span<const SchemaCheck> checks,
                     const MigrateOptions& options) {
  ARCHPOOL_RETURN_IF_ERROR(CheckNumbers(migrations));
  ARCHPOOL_RETURN_IF_ERROR(postgres::CheckConnectionString(connection_string));
  const absl::Status status = postgres::RunGuarded(
      [&]() -> absl::Status {
        postgres::StatementWatch watch(Patience{.stop = options.stop});
        const auto connection = postgres::Connect(connection_string, watch);
        // A change of a large table takes its time; a stop does not wait for
        // it.
        const postgres::StatementWatch::Guard guard(watch, connection->sock(),
                                                    kMigrationsMax);
        ARCHPOOL_RETURN_IF_ERROR(CheckServerOf(*connection));
        ARCHPOOL_RETURN_IF_ERROR(Lock(*connection, options));
        size_t applied = 0;
        {
          pqxx::work transaction(*connection);
          ARCHPOOL_RETURN_IF_ERROR(CheckIsOurs(transaction));
          transaction.exec(
              "CREATE TABLE IF NOT EXISTS schema_migration ("
              " version bigint CONSTRAINT schema_migration_pkey PRIMARY KEY,"
              " file_name text NOT NULL,"
              " checksum text NOT NULL,"
              " apply_time timestamptz NOT NULL DEFAULT now())");
          ARCHPOOL_ASSIGN_OR_RETURN(applied,
                                    CountApplied(transaction, migrations));
          transaction.commit();
        }
        for (size_t i = applied; i < migrations.size(); ++i) {
          if (options.stop.stop_requested()) return Stopped();
          ARCHPOOL_RETURN_IF_ERROR(Apply(*connection, i + 1, migrations[i]));
        }
        return postgres::WidenChecks(*connection, checks);
      },
      connection_string);
  // What may have been applied is seen at the next start.
  if (absl::IsUnknown(status)) {
    return Unavailable("STORE_UNREACHABLE", status.message());
  }
  return postgres::AsSeenAtStart(status);
}

absl::Status Migrate(const std::string& connection_string,
                     const MigrateOptions& options) {
  return Migrate(connection_string, EmbeddedMigrations(),
                 postgres::SchemaChecks(), options);
}

}  // namespace archpool
