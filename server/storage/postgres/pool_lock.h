// SPDX-License-Identifier: Apache-2.0
// The lock of the one server that may write a pool's database: PostgreSQL's
// advisory lock, held by the session of the writer's connection, so that
// a server that has lost the one has lost the other. The pool's generation
// (pool_head) is what makes a second writer harmless; the lock is what keeps
// it from ending the first. Inside RunGuarded; one thread at a time.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_POOL_LOCK_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_POOL_LOCK_H_

#include <cstdint>
#include <optional>
#include <pqxx/pqxx>
#include <string>

#include "absl/status/status.h"

namespace archpool::postgres {

// A session of PostgreSQL: numbers of processes are used again, so its
// beginning belongs to it.
struct Backend {
  int64_t pid = 0;
  int64_t start = 0;    // in microseconds; 0 where it is not told
  std::string address;  // of its client; "" for a Unix socket, or as above

  bool operator==(const Backend& other) const {
    return pid == other.pid && start == other.start;
  }
  std::string ToString() const;
};

Backend BackendOf(pqxx::connection& connection);

// Whether the session has the lock now. One that has it already keeps it.
bool TryPoolLock(pqxx::connection& connection);

// Who has it; nullopt: nobody.
std::optional<Backend> PoolLockHolder(pqxx::connection& connection);

// Asks that session of the same role to end, if it is still there: it may be
// the writer's own from before its connection broke, and hold locks until it
// notices.
void EndBackend(pqxx::connection& connection, const Backend& backend);

// FAILED_PRECONDITION (DATABASE_POOLED): `connection` and `other` are no
// sessions of their own, as behind a pooler that hands out PostgreSQL's by
// transaction; a lock of a session would be anybody's there.
absl::Status CheckIsDirect(pqxx::connection& connection,
                           pqxx::connection& other);

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_POOL_LOCK_H_
