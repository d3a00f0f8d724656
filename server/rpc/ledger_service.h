// SPDX-License-Identifier: Apache-2.0
// Money on the wire. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_LEDGER_SERVICE_H_
#define ARCHPOOL_SERVER_RPC_LEDGER_SERVICE_H_

#include "archpool/v1/ledger.grpc.pb.h"
#include "server/engine/engine.h"
#include "server/engine/executor.h"
#include "server/rpc/account_directory.h"
#include "server/rpc/call.h"
#include "server/storage/store.h"

namespace archpool::rpc {

class LedgerService : public v1::LedgerService::CallbackService {
 public:
  // All outlive the service; reads run on `executor`.
  LedgerService(const Gate& gate, Engine& engine, Reader& reader,
                Executor& executor, const AccountDirectory& accounts)
      : gate_(gate),
        engine_(engine),
        reader_(reader),
        executor_(executor),
        accounts_(accounts) {}

  grpc::ServerUnaryReactor* Deposit(grpc::CallbackServerContext* context,
                                    const v1::DepositRequest* request,
                                    v1::DepositResponse* response) override;
  grpc::ServerUnaryReactor* ListBalances(
      grpc::CallbackServerContext* context,
      const v1::ListBalancesRequest* request,
      v1::ListBalancesResponse* response) override;
  grpc::ServerUnaryReactor* ListTransfers(
      grpc::CallbackServerContext* context,
      const v1::ListTransfersRequest* request,
      v1::ListTransfersResponse* response) override;
  grpc::ServerUnaryReactor* CheckLedger(
      grpc::CallbackServerContext* context,
      const v1::CheckLedgerRequest* request,
      v1::CheckLedgerResponse* response) override;

 private:
  using BalancesCall =
      UnaryCall<v1::ListBalancesRequest, v1::ListBalancesResponse>;
  using TransfersCall =
      UnaryCall<v1::ListTransfersRequest, v1::ListTransfersResponse>;

  absl::Status List(const BalancesCall& call);
  absl::Status List(const TransfersCall& call);
  absl::Status CheckDeposit(const v1::DepositRequest& request,
                            TransferId id) const;

  const Gate& gate_;
  Engine& engine_;
  Reader& reader_;
  Executor& executor_;
  const AccountDirectory& accounts_;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_LEDGER_SERVICE_H_
