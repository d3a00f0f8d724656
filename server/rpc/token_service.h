// SPDX-License-Identifier: Apache-2.0
// The tokens of accounts. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_TOKEN_SERVICE_H_
#define ARCHPOOL_SERVER_RPC_TOKEN_SERVICE_H_

#include "archpool/v1/token.grpc.pb.h"
#include "common/base/clock.h"
#include "server/engine/engine.h"
#include "server/rpc/account_directory.h"
#include "server/rpc/call.h"

namespace archpool::rpc {

class TokenService : public v1::TokenService::CallbackService {
 public:
  // All outlive the service.
  struct Parts {
    const Gate& gate;
    const Clock& clock;
    Engine& engine;
    const AccountDirectory& accounts;
  };
  explicit TokenService(const Parts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* CreateToken(
      grpc::CallbackServerContext* context,
      const v1::CreateTokenRequest* request,
      v1::CreateTokenResponse* response) override;
  grpc::ServerUnaryReactor* ListTokens(
      grpc::CallbackServerContext* context,
      const v1::ListTokensRequest* request,
      v1::ListTokensResponse* response) override;
  grpc::ServerUnaryReactor* RotateToken(
      grpc::CallbackServerContext* context,
      const v1::RotateTokenRequest* request,
      v1::RotateTokenResponse* response) override;
  grpc::ServerUnaryReactor* RevokeToken(
      grpc::CallbackServerContext* context,
      const v1::RevokeTokenRequest* request,
      v1::RevokeTokenResponse* response) override;
  grpc::ServerUnaryReactor* ReplaceOwnerTokens(
      grpc::CallbackServerContext* context,
      const v1::ReplaceOwnerTokensRequest* request,
      v1::ReplaceOwnerTokensResponse* response) override;

 private:
  const Parts parts_;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_TOKEN_SERVICE_H_
