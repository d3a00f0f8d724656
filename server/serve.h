// SPDX-License-Identifier: Apache-2.0
// What archpool-server does when it runs: the parts wired together, from the
// database up, and taken down again in the reverse order.
#ifndef ARCHPOOL_SERVER_SERVE_H_
#define ARCHPOOL_SERVER_SERVE_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "server/server_flags.h"

namespace archpool {

// Where tests look in.
struct ServeHooks {
  // Told each step of a payout, as PayerOptions::at.
  std::function<void(const std::string& step)> at = [](const std::string&) {};
};

// Runs until SIGINT or SIGTERM. OK: stopped as asked. Fails as the part that
// fails; FAILED_PRECONDITION (FENCED): another server took the database over.
// REQUIRES: CheckFlags(flags) is OK; no other thread runs.
absl::Status Serve(const ServerFlags& flags, const ServeHooks& hooks);

// Brings the database to this program's schema, and ends.
absl::Status MigrateOnly(const ServerFlags& flags);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_SERVE_H_
