// SPDX-License-Identifier: Apache-2.0
// Accounts, workers, and who the caller is. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_POOL_SERVICE_H_
#define ARCHPOOL_SERVER_RPC_POOL_SERVICE_H_

#include "archpool/v1/pool.grpc.pb.h"
#include "common/base/clock.h"
#include "common/crypto/signature.h"
#include "server/core/rules/policy.h"
#include "server/engine/engine.h"
#include "server/rpc/account_directory.h"
#include "server/rpc/call.h"
#include "server/rpc/session_directory.h"

namespace archpool::rpc {

class PoolService : public v1::PoolService::CallbackService {
 public:
  // All outlive the service. A worker that says nothing for
  // policy.silence_term is shown as "silent".
  PoolService(const Gate& gate, const Clock& clock, Engine& engine,
              const AccountDirectory& accounts,
              const SessionDirectory& sessions, const PoolPolicy& policy,
              const PublicKey& receipt_key);

  grpc::ServerUnaryReactor* WhoAmI(grpc::CallbackServerContext* context,
                                   const v1::WhoAmIRequest* request,
                                   v1::WhoAmIResponse* response) override;
  grpc::ServerUnaryReactor* GetTerms(grpc::CallbackServerContext* context,
                                     const v1::GetTermsRequest* request,
                                     v1::GetTermsResponse* response) override;
  grpc::ServerUnaryReactor* CreateAccount(
      grpc::CallbackServerContext* context,
      const v1::CreateAccountRequest* request,
      v1::CreateAccountResponse* response) override;
  grpc::ServerUnaryReactor* ListAccounts(
      grpc::CallbackServerContext* context,
      const v1::ListAccountsRequest* request,
      v1::ListAccountsResponse* response) override;
  grpc::ServerUnaryReactor* SetAccountState(
      grpc::CallbackServerContext* context,
      const v1::SetAccountStateRequest* request,
      v1::SetAccountStateResponse* response) override;
  grpc::ServerUnaryReactor* GetQuotas(grpc::CallbackServerContext* context,
                                      const v1::GetQuotasRequest* request,
                                      v1::GetQuotasResponse* response) override;
  grpc::ServerUnaryReactor* SetQuotas(grpc::CallbackServerContext* context,
                                      const v1::SetQuotasRequest* request,
                                      v1::SetQuotasResponse* response) override;
  grpc::ServerUnaryReactor* SetVisibility(
      grpc::CallbackServerContext* context,
      const v1::SetVisibilityRequest* request,
      v1::SetVisibilityResponse* response) override;
  grpc::ServerUnaryReactor* GetMaintenance(
      grpc::CallbackServerContext* context,
      const v1::GetMaintenanceRequest* request,
      v1::GetMaintenanceResponse* response) override;
  grpc::ServerUnaryReactor* SetMaintenance(
      grpc::CallbackServerContext* context,
      const v1::SetMaintenanceRequest* request,
      v1::SetMaintenanceResponse* response) override;
  grpc::ServerUnaryReactor* ListWorkers(
      grpc::CallbackServerContext* context,
      const v1::ListWorkersRequest* request,
      v1::ListWorkersResponse* response) override;

 private:
  const Gate& gate_;
  const Clock& clock_;
  Engine& engine_;
  const AccountDirectory& accounts_;
  const SessionDirectory& sessions_;
  const PoolPolicy& policy_;
  const PublicKey receipt_key_;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_POOL_SERVICE_H_
