// What archpool-server does when it runs: the parts wired together, from the
// database up, and taken down again in the reverse order.
#ifndef ARCHPOOL_SERVER_SERVE_H_
#define ARCHPOOL_SERVER_SERVE_H_

#include "absl/status/status.h"
#include "server/server_flags.h"

namespace archpool {

// Runs until SIGINT or SIGTERM. OK: stopped as asked. Fails as the part that
// fails; FAILED_PRECONDITION (FENCED): another server took the database over.
// REQUIRES: CheckFlags(flags) is OK; no other thread runs.
absl::Status Serve(const ServerFlags& flags);

// Brings the database to this program's schema, and ends.
absl::Status MigrateOnly(const ServerFlags& flags);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_SERVE_H_
