// SPDX-License-Identifier: Apache-2.0
// The pool as a whole: its terms, its workers, its maintenance. Thread-safe.
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

  grpc::ServerUnaryReactor* GetTerms(grpc::CallbackServerContext* context,
                                     const v1::GetTermsRequest* request,
                                     v1::GetTermsResponse* response) override;
  grpc::ServerUnaryReactor* GetMaintenance(
      grpc::CallbackServerContext* context,
      const v1::GetMaintenanceRequest* request,
      v1::GetMaintenanceResponse* response) override;
  grpc::ServerUnaryReactor* BeginMaintenance(
      grpc::CallbackServerContext* context,
      const v1::BeginMaintenanceRequest* request,
      v1::BeginMaintenanceResponse* response) override;
  grpc::ServerUnaryReactor* EndMaintenance(
      grpc::CallbackServerContext* context,
      const v1::EndMaintenanceRequest* request,
      v1::EndMaintenanceResponse* response) override;
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
