// SPDX-License-Identifier: Apache-2.0
// Errors on the wire: the canonical code, the sentence, and the reason in an
// archpool.v1.ErrorDetail (serialised as the status's details). Pure functions;
// thread-safe.
#ifndef ARCHPOOL_COMMON_WIRE_STATUS_WIRE_H_
#define ARCHPOOL_COMMON_WIRE_STATUS_WIRE_H_

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace archpool::wire {

// Long messages are cut: a status travels in a header of bounded size.
grpc::Status ToGrpc(const absl::Status& status);

// Keeps the reason. A status that archpool did not make has none on the wire;
// UNAVAILABLE then gets SERVER_UNREACHABLE, DEADLINE_EXCEEDED gets
// CALL_TIMED_OUT, UNIMPLEMENTED gets SERVER_TOO_OLD, and all others stay
// without.
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace archpool::wire

#endif  // ARCHPOOL_COMMON_WIRE_STATUS_WIRE_H_
