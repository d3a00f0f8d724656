// SPDX-License-Identifier: Apache-2.0
// Answers calls of methods that this server lacks: those of a program of
// another version, which is told so. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_UNKNOWN_METHODS_H_
#define ARCHPOOL_SERVER_RPC_UNKNOWN_METHODS_H_

#include "grpcpp/generic/async_generic_service.h"

namespace archpool::rpc {

// FAILED_PRECONDITION (CLIENT_TOO_OLD) to what is too old; UNIMPLEMENTED
// (METHOD_UNKNOWN) to all others.
class UnknownMethods : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_UNKNOWN_METHODS_H_
