// SPDX-License-Identifier: Apache-2.0
// The database that a server uses, ready for it: started where it is the
// server's own, held against other servers, and with this program's schema.
#ifndef ARCHPOOL_SERVER_OPEN_DATABASE_H_
#define ARCHPOOL_SERVER_OPEN_DATABASE_H_

#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/data_directory.h"
#include "server/server_flags.h"
#include "server/storage/postgres/patience.h"
#include "server/storage/postgres/pool_hold.h"
#include "server/storage/postgres/private_cluster.h"

namespace archpool {

struct Database {
  std::unique_ptr<PrivateCluster> cluster;  // unset for a given one
  std::string connection;                   // libpq's
  Patience patience;                        // of its connections
  PoolHold hold;
};

// Waits, for at most `wait_max`, until no other server holds it, which the log
// says. Errors as DataDirectory::CheckRestored,
// PrivateCluster::Start, PoolHold::Take and Migrate.
absl::StatusOr<Database> OpenDatabase(
    const ServerFlags& flags, const DataDirectory& directory,
    const std::stop_token& stop,
    absl::Duration wait_max = absl::InfiniteDuration());

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_OPEN_DATABASE_H_
