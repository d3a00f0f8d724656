// SPDX-License-Identifier: Apache-2.0
// A server's hold on its database: while it lives no other server of the pool
// writes, migrates, or takes it over. Taken before anything is changed; the
// PostgresStore continues with it. Movable; one thread at a time.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_POOL_HOLD_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_POOL_HOLD_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/storage/postgres/patience.h"

namespace archpool {

namespace postgres {
struct WriterSession;
}  // namespace postgres

struct PoolHoldOptions {
  Patience patience;  // its stop ends the wait as well
  // For how long to wait for another server's end.
  absl::Duration wait_max = absl::InfiniteDuration();
  // Where another server was seen to hold the lock for longer than `held_min`,
  // it is taken only after it has been free for `free_min`: a server whose
  // connection broke makes another one and comes back to its database. What is
  // let go of sooner was its own, of a start before.
  absl::Duration held_min = absl::Seconds(5);
  absl::Duration free_min = absl::Seconds(15);
  // Told who has it, once: "PostgreSQL's process 4711, for 192.0.2.7, …".
  std::function<void(const std::string& holder)> on_wait = nullptr;
};

class PoolHold {
 public:
  // FAILED_PRECONDITION (DATABASE_POOLED): see pool_lock.h. FAILED_PRECONDITION
  // (DATABASE_HELD): another server has had it for `wait_max`. UNAVAILABLE
  // (STOPPED): asked to stop while waiting. INVALID_ARGUMENT
  // (DATABASE_URL_MALFORMED). FAILED_PRECONDITION or UNAVAILABLE with a reason
  // of server_errors.h.
  static absl::StatusOr<PoolHold> Take(const std::string& connection_string,
                                       const PoolHoldOptions& options);
  PoolHold(PoolHold&&) noexcept;
  PoolHold& operator=(PoolHold&&) noexcept;
  ~PoolHold();  // lets go of it

 private:
  friend class PostgresStore;
  PoolHold(std::string connection_string, const Patience& patience,
           std::unique_ptr<postgres::WriterSession> session);

  std::string connection_string_;
  Patience patience_;
  std::unique_ptr<postgres::WriterSession> session_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_POOL_HOLD_H_
