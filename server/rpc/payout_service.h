// SPDX-License-Identifier: Apache-2.0
// Payouts on the wire. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_PAYOUT_SERVICE_H_
#define ARCHPOOL_SERVER_RPC_PAYOUT_SERVICE_H_

#include "archpool/v1/payout.grpc.pb.h"
#include "common/base/clock.h"
#include "server/engine/engine.h"
#include "server/engine/executor.h"
#include "server/rpc/account_directory.h"
#include "server/rpc/call.h"
#include "server/storage/store.h"

namespace archpool::rpc {

class PayoutService : public v1::PayoutService::CallbackService {
 public:
  // All outlive the service; reads run on `executor`.
  struct Parts {
    const Gate& gate;
    const Clock& clock;
    Engine& engine;
    Reader& reader;
    Executor& executor;
    const AccountDirectory& accounts;
  };
  explicit PayoutService(const Parts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* SetPayoutTerms(
      grpc::CallbackServerContext* context,
      const v1::SetPayoutTermsRequest* request,
      v1::SetPayoutTermsResponse* response) override;
  grpc::ServerUnaryReactor* SetRevenueSplit(
      grpc::CallbackServerContext* context,
      const v1::SetRevenueSplitRequest* request,
      v1::SetRevenueSplitResponse* response) override;
  grpc::ServerUnaryReactor* SetShareConsent(
      grpc::CallbackServerContext* context,
      const v1::SetShareConsentRequest* request,
      v1::SetShareConsentResponse* response) override;
  grpc::ServerUnaryReactor* RequestPayout(
      grpc::CallbackServerContext* context,
      const v1::RequestPayoutRequest* request,
      v1::RequestPayoutResponse* response) override;
  grpc::ServerUnaryReactor* ListPayouts(
      grpc::CallbackServerContext* context,
      const v1::ListPayoutsRequest* request,
      v1::ListPayoutsResponse* response) override;

 private:
  const Parts parts_;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_PAYOUT_SERVICE_H_
