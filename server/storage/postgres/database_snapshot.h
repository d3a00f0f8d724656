// SPDX-License-Identifier: Apache-2.0
// One moment of a pool's database, for a backup: what pg_dump writes and what
// is asked of it here are of the same moment, whatever is committed meanwhile.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_DATABASE_SNAPSHOT_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_DATABASE_SNAPSHOT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/crypto/sha256.h"

namespace archpool {

// A blob that the database names. Not every one has to be there: the weights of
// a trial that was not drawn for an audit stayed with its miner.
struct NamedBlob {
  Digest digest;
  bool is_needed = false;
};

struct SnapshotFacts {
  absl::Time time;
  int64_t schema_version = 0;  // of the last migration
  int postgres_major = 0;      // of the server
  std::string schema;          // in which the tables are
  int64_t database_bytes = 0;  // on its disk, indexes included
  std::optional<Digest> secret_fingerprint;
};

// Thread-compatible.
class DatabaseSnapshot {
 public:
  // Holds one until it goes: as long as it lives, PostgreSQL keeps the rows of
  // that moment. FAILED_PRECONDITION (DATABASE_EMPTY): there is no pool in it.
  // Else errors as postgres::RunGuarded.
  static absl::StatusOr<std::unique_ptr<DatabaseSnapshot>> Take(
      const std::string& connection_string);
  ~DatabaseSnapshot();
  DatabaseSnapshot(const DatabaseSnapshot&) = delete;
  DatabaseSnapshot& operator=(const DatabaseSnapshot&) = delete;

  const SnapshotFacts& facts() const { return facts_; }
  // As PostgreSQL calls it, for pg_dump.
  const std::string& id() const { return id_; }
  // By digest, each once. Errors as postgres::RunGuarded.
  absl::StatusOr<std::vector<NamedBlob>> Blobs();

 private:
  struct Session;
  DatabaseSnapshot();

  std::unique_ptr<Session> session_;
  SnapshotFacts facts_;
  std::string id_;
};

// What a database is, before something is restored into it. Errors as
// postgres::RunGuarded.
struct DatabaseFacts {
  bool is_empty = false;  // no tables but those of extensions
  int postgres_major = 0;
  std::string schema;  // in which tables would be made
};
absl::StatusOr<DatabaseFacts> ReadDatabaseFacts(
    const std::string& connection_string);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_DATABASE_SNAPSHOT_H_
