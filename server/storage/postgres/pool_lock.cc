// SPDX-License-Identifier: Apache-2.0
#include "server/storage/postgres/pool_lock.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "server/storage/postgres/query.h"

namespace archpool::postgres {
namespace {

// Names the lock among all advisory locks of the database: "archhold" in ASCII,
// as one number and as the two halves that pg_locks shows.
constexpr int64_t kKey = 0x61726368'686f6c64;
constexpr int64_t kUpperHalf = kKey >> 32;
constexpr int64_t kLowerHalf = kKey & 0xffffffff;

// No text: that would hang on the session's time zone.
constexpr char kStartSql[] =
    "coalesce((extract(epoch FROM a.backend_start) * 1000000)::bigint, 0)";
constexpr char kAddressSql[] = "coalesce(host(a.client_addr), '')";

Backend BackendIn(const pqxx::result& rows) {
  return {.pid = rows.at(0).at(0).as<int64_t>(),
          .start = rows.at(0).at(1).as<int64_t>(),
          .address = rows.at(0).at(2).c_str()};
}

int64_t PidIn(pqxx::transaction_base& transaction) {
  return transaction.exec("SELECT pg_backend_pid()").at(0).at(0).as<int64_t>();
}

absl::Status Pooled() {
  return FailedPrecondition(
      "DATABASE_POOLED",
      "between this server and PostgreSQL stands a pooler that hands out "
      "connections by transaction or by statement; the lock that keeps a "
      "second server out would not hold there: let --database-url name "
      "PostgreSQL itself, or a pool by session");
}

}  // namespace

std::string Backend::ToString() const {
  return absl::StrCat("PostgreSQL's process ", pid,
                      address.empty() ? "" : absl::StrCat(", for ", address));
}

Backend BackendOf(pqxx::connection& connection) {
  pqxx::nontransaction transaction(connection);
  return BackendIn(transaction.exec(
      absl::StrCat("SELECT a.pid, ", kStartSql, ", ", kAddressSql,
                   " FROM pg_stat_activity a WHERE a.pid = pg_backend_pid()")));
}

bool TryPoolLock(pqxx::connection& connection) {
  pqxx::nontransaction transaction(connection);
  // Taken twice, it would have to be released twice; but it is never released,
  // and ends with its session.
  return transaction
      .exec(absl::StrCat("SELECT pg_try_advisory_lock(", kKey, ")"))
      .at(0)
      .at(0)
      .as<bool>();
}

std::optional<Backend> PoolLockHolder(pqxx::connection& connection) {
  pqxx::nontransaction transaction(connection);
  const pqxx::result rows = transaction.exec(absl::StrCat(
      "SELECT l.pid, ", kStartSql, ", ", kAddressSql,
      " FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
      " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
      " AND l.classid = ",
      kUpperHalf, " AND l.objid = ", kLowerHalf,
      " AND l.database ="
      " (SELECT oid FROM pg_database WHERE datname = current_database())"
      " LIMIT 1"));
  if (rows.empty()) return std::nullopt;
  return BackendIn(rows);
}

void EndBackend(pqxx::connection& connection, const Backend& backend) {
  pqxx::nontransaction transaction(connection);
  Execute(transaction,
          absl::StrCat("SELECT pg_terminate_backend(a.pid)"
                       " FROM pg_stat_activity a WHERE a.pid = $1::integer"
                       " AND a.usename = current_user AND ",
                       kStartSql, " = $2::bigint"),
          {absl::StrCat(backend.pid), absl::StrCat(backend.start)});
}

absl::Status CheckIsDirect(pqxx::connection& connection,
                           pqxx::connection& other) {
  int64_t first = 0;
  {
    pqxx::nontransaction transaction(connection);
    first = PidIn(transaction);
  }
  // A transaction keeps what it was handed, so that the next one, of the first
  // connection, must be handed something else.
  {
    pqxx::work transaction(other);
    if (PidIn(transaction) == first) return Pooled();
    pqxx::nontransaction again(connection);
    if (PidIn(again) != first) return Pooled();
  }
  return absl::OkStatus();
}

}  // namespace archpool::postgres
