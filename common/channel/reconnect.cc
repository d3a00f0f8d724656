// SPDX-License-Identifier: Apache-2.0
#include "common/channel/reconnect.h"

#include <cstdlib>

namespace archpool {
namespace {

// A lost connection is made again a step at a time (connect, each part of the
// handshake, HTTP/2's settings), and a step is taken when somebody looks: a
// call that waits, or gRPC itself, every five seconds. Calls that are refused
// at once, as while the server is away, do not wait; so a handshake took longer
// than the five seconds in which it must be done, each time from the start, and
// a worker never came back to a server that had restarted. Before main, since a
// program with threads must not change its environment.
const bool is_polled =
    setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "100",
           /*overwrite=*/1) == 0;

}  // namespace

bool ReconnectsByItself() { return is_polled; }

}  // namespace archpool
