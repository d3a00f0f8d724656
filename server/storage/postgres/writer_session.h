// SPDX-License-Identifier: Apache-2.0
// The connection of a pool's writer, and what is known of it. One thread at a
// time.
#ifndef ARCHPOOL_SERVER_STORAGE_POSTGRES_WRITER_SESSION_H_
#define ARCHPOOL_SERVER_STORAGE_POSTGRES_WRITER_SESSION_H_

#include <memory>
#include <pqxx/pqxx>

#include "server/storage/postgres/pool_lock.h"

namespace archpool::postgres {

struct WriterSession {
  std::unique_ptr<pqxx::connection> connection;
  Backend backend;           // where the pool's lock is held; else unset
  bool has_lock = false;     // the pool's
  bool is_prepared = false;  // for writing
};

}  // namespace archpool::postgres

#endif  // ARCHPOOL_SERVER_STORAGE_POSTGRES_WRITER_SESSION_H_
