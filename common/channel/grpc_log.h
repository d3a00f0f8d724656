// SPDX-License-Identifier: Apache-2.0
// What gRPC says by itself, sorted: much of it is about strangers, and nothing
// that an operator has to look at.
#ifndef ARCHPOOL_COMMON_CHANNEL_GRPC_LOG_H_
#define ARCHPOOL_COMMON_CHANNEL_GRPC_LOG_H_

#include <grpc/support/log.h>

#include "absl/strings/string_view.h"

namespace archpool {

enum class GrpcLine {
  kPlain,         // as it stands
  kUnremarkable,  // a client calls the server by a name that its certificate
                  // has not, which decides nothing here
  kHandshake,     // a handshake failed: no TLS 1.3, or no TLS at all
};

GrpcLine Sort(absl::string_view message);

// For gpr_set_log_function: into the log. Of failed handshakes one a minute is
// told as handshake_failed, with what to do; anybody can cause as many as they
// like.
void LogGrpc(gpr_log_func_args* said);

// For gpr_set_log_function of a command, whose own errors say what is wrong.
void IgnoreGrpc(gpr_log_func_args* said);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_CHANNEL_GRPC_LOG_H_
