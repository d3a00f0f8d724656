// SPDX-License-Identifier: Apache-2.0
// Accounts, who the caller is, and why it was not paid. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_ACCOUNT_SERVICE_H_
#define ARCHPOOL_SERVER_RPC_ACCOUNT_SERVICE_H_

#include "archpool/v1/account.grpc.pb.h"
#include "common/base/clock.h"
#include "server/core/rules/policy.h"
#include "server/core/views/explain.h"
#include "server/engine/engine.h"
#include "server/engine/executor.h"
#include "server/rpc/account_directory.h"
#include "server/rpc/call.h"
#include "server/rpc/session_directory.h"
#include "server/rpc/task_hub.h"
#include "server/storage/store.h"

namespace archpool::rpc {

class AccountService : public v1::AccountService::CallbackService {
 public:
  // All outlive the service; reads run on `executor`.
  struct Parts {
    const Gate& gate;
    const Clock& clock;
    Engine& engine;
    Reader& reader;
    Executor& executor;
    const AccountDirectory& accounts;
    const SessionDirectory& sessions;
    const PoolPolicy& policy;
    const TaskHub& hub;
  };
  explicit AccountService(const Parts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* WhoAmI(grpc::CallbackServerContext* context,
                                   const v1::WhoAmIRequest* request,
                                   v1::WhoAmIResponse* response) override;
  grpc::ServerUnaryReactor* CreateAccount(
      grpc::CallbackServerContext* context,
      const v1::CreateAccountRequest* request,
      v1::CreateAccountResponse* response) override;
  grpc::ServerUnaryReactor* ListAccounts(
      grpc::CallbackServerContext* context,
      const v1::ListAccountsRequest* request,
      v1::ListAccountsResponse* response) override;
  grpc::ServerUnaryReactor* SuspendAccount(
      grpc::CallbackServerContext* context,
      const v1::SuspendAccountRequest* request,
      v1::SuspendAccountResponse* response) override;
  grpc::ServerUnaryReactor* ReinstateAccount(
      grpc::CallbackServerContext* context,
      const v1::ReinstateAccountRequest* request,
      v1::ReinstateAccountResponse* response) override;
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
  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* context,
                                    const v1::ExplainRequest* request,
                                    v1::ExplainResponse* response) override;

 private:
  // NOT_FOUND (ACCOUNT_UNKNOWN): not a miner that the caller may ask about.
  absl::StatusOr<MinerRecords> RecordsFor(const Account& caller,
                                          const v1::ExplainRequest& request);

  const Parts parts_;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_ACCOUNT_SERVICE_H_
