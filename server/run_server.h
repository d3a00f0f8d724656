// SPDX-License-Identifier: Apache-2.0
// The command line of archpool-server.
#ifndef ARCHPOOL_SERVER_RUN_SERVER_H_
#define ARCHPOOL_SERVER_RUN_SERVER_H_

#include "server/serve.h"

namespace archpool {

// Serves, or does what the subcommand says, until it is stopped; answers the
// exit code. REQUIRES: no other thread runs.
int RunServer(int argc, char** argv, const ServeHooks& hooks = ServeHooks());

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_RUN_SERVER_H_
