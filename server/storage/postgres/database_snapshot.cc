// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/database_snapshot.h"

#include <utility>

#include "common/base/status.h"
#include "server/storage/postgres/query.h"

namespace archpool {
namespace {

constexpr int kVersionsPerMajor = 10'000;

// What the collection of blobs has ended the claims on is needed no more:
// datasets that were dropped, and weights that are no longer counted. The other
// weights may be here, where they were sent unasked or the collection has not
// come to them.
constexpr char kNamedBlobsSql[] =
    "SELECT encode(digest, 'hex'), bool_or(is_needed) FROM ("
    " SELECT unnest(ARRAY[train_digest, validation_digest, held_out_digest])"
    " AS digest, true AS is_needed FROM dataset WHERE drop_time IS NULL"
    " UNION ALL SELECT digest, true FROM stored_file"
    " UNION ALL SELECT digest, true FROM stored_weights"
    " UNION ALL SELECT weights_digest, false"
    " FROM trial WHERE weights_digest IS NOT NULL"
    ") AS named GROUP BY digest ORDER BY digest";

absl::Status NoPoolIn() {
  return FailedPrecondition(
      "DATABASE_EMPTY",
      "there is no pool in this database, so there is nothing to back up; name "
      "the pool's own with --data-dir and --database-url");
}

}  // namespace

struct DatabaseSnapshot::Session {
  std::unique_ptr<pqxx::connection> connection;
  std::unique_ptr<pqxx::work> transaction;
};

DatabaseSnapshot::DatabaseSnapshot() = default;

DatabaseSnapshot::~DatabaseSnapshot() {
  // A connection that broke has nothing to end.
  (void)postgres::RunGuarded([this]() -> absl::Status {
    if (session_ != nullptr) session_->transaction.reset();
    return absl::OkStatus();
  });
}

absl::StatusOr<std::unique_ptr<DatabaseSnapshot>> DatabaseSnapshot::Take(
    const std::string& connection_string) {
  std::unique_ptr<DatabaseSnapshot> taken(new DatabaseSnapshot);
  ARCHPOOL_RETURN_IF_ERROR(postgres::RunGuarded([&]() -> absl::Status {
    auto session = std::make_unique<Session>();
    session->connection = postgres::Connect(connection_string);
    SnapshotFacts& facts = taken->facts_;
    facts.postgres_major =
        session->connection->server_version() / kVersionsPerMajor;
    session->transaction = std::make_unique<pqxx::work>(*session->connection);
    pqxx::work& transaction = *session->transaction;
    // It waits for pg_dump, which may take long.
    transaction.exec(
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;"
        "SET LOCAL idle_in_transaction_session_timeout = 0;"
        "SET LOCAL statement_timeout = 0");
    const pqxx::result row = transaction.exec(
        "SELECT pg_export_snapshot(),"
        " (extract(epoch FROM now()) * 1000000)::bigint,"
        " coalesce(current_schema(), ''),"
        " to_regclass('schema_migration') IS NULL,"
        " pg_database_size(current_database())");
    taken->id_ = row.at(0).at(0).c_str();
    facts.time = absl::FromUnixMicros(row.at(0).at(1).as<int64_t>());
    facts.schema = row.at(0).at(2).c_str();
    facts.database_bytes = row.at(0).at(4).as<int64_t>();
    if (row.at(0).at(3).as<bool>()) return NoPoolIn();
    facts.schema_version = transaction
                               .exec(
                                   "SELECT coalesce(max(version), 0)"
                                   " FROM schema_migration")
                               .at(0)
                               .at(0)
                               .as<int64_t>();
    // Older schemas have none.
    const pqxx::result has_identity =
        transaction.exec("SELECT to_regclass('pool_identity') IS NOT NULL");
    if (has_identity.at(0).at(0).as<bool>()) {
      const pqxx::result identity = transaction.exec(
          "SELECT encode(secret_fingerprint, 'hex') FROM pool_identity");
      if (!identity.empty()) {
        ARCHPOOL_ASSIGN_OR_RETURN(
            facts.secret_fingerprint,
            Digest::Parse(postgres::TextOf(identity[0][0])));
      }
    }
    taken->session_ = std::move(session);
    return absl::OkStatus();
  }));
  return taken;
}

absl::StatusOr<std::vector<NamedBlob>> DatabaseSnapshot::Blobs() {
  std::vector<NamedBlob> blobs;
  ARCHPOOL_RETURN_IF_ERROR(postgres::RunGuarded([&]() -> absl::Status {
    const pqxx::result rows = session_->transaction->exec(kNamedBlobsSql);
    blobs.reserve(static_cast<size_t>(rows.size()));
    for (const auto& row : rows) {
      ARCHPOOL_ASSIGN_OR_RETURN(const Digest digest,
                                Digest::Parse(postgres::TextOf(row[0])));
      blobs.push_back({digest, row[1].as<bool>()});
    }
    return absl::OkStatus();
  }));
  return blobs;
}

absl::StatusOr<DatabaseFacts> ReadDatabaseFacts(
    const std::string& connection_string) {
  DatabaseFacts facts;
  ARCHPOOL_RETURN_IF_ERROR(postgres::RunGuarded([&]() -> absl::Status {
    const auto connection = postgres::Connect(connection_string);
    facts.postgres_major = connection->server_version() / kVersionsPerMajor;
    pqxx::nontransaction transaction(*connection);
    const pqxx::result row = transaction.exec(
        "SELECT coalesce(current_schema(), ''), NOT EXISTS ("
        " SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')"
        " AND NOT EXISTS (SELECT FROM pg_depend d"
        " WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid"
        " AND d.deptype = 'e'))");
    facts.schema = row.at(0).at(0).c_str();
    facts.is_empty = row.at(0).at(1).as<bool>();
    return absl::OkStatus();
  }));
  return facts;
}

}  // namespace archpool
