// SPDX-License-Identifier: Apache-2.0
// Receipts on the wire. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_RECEIPT_SERVICE_H_
#define ARCHPOOL_SERVER_RPC_RECEIPT_SERVICE_H_

#include "archpool/v1/receipt.grpc.pb.h"
#include "common/crypto/signature.h"
#include "server/engine/executor.h"
#include "server/rpc/call.h"
#include "server/storage/receipt_store.h"

namespace archpool::rpc {

class ReceiptService : public v1::ReceiptService::CallbackService {
 public:
  // All outlive the service; reads run on `executor`.
  struct Parts {
    const Gate& gate;
    ReceiptStore& store;
    Executor& executor;
    PublicKey pool_key;
  };
  explicit ReceiptService(const Parts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* GetStatement(
      grpc::CallbackServerContext* context,
      const v1::GetStatementRequest* request,
      v1::GetStatementResponse* response) override;
  grpc::ServerUnaryReactor* ListReceipts(
      grpc::CallbackServerContext* context,
      const v1::ListReceiptsRequest* request,
      v1::ListReceiptsResponse* response) override;
  grpc::ServerUnaryReactor* ListSeals(grpc::CallbackServerContext* context,
                                      const v1::ListSealsRequest* request,
                                      v1::ListSealsResponse* response) override;

 private:
  const Parts parts_;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_RECEIPT_SERVICE_H_
