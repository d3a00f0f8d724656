// SPDX-License-Identifier: Apache-2.0
// What verifiers call, and what operators ask of them. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_VERIFICATION_SERVICE_H_
#define ARCHPOOL_SERVER_RPC_VERIFICATION_SERVICE_H_

#include "archpool/v1/verification.grpc.pb.h"
#include "common/base/clock.h"
#include "server/engine/engine.h"
#include "server/rpc/account_directory.h"
#include "server/rpc/call.h"
#include "server/rpc/wait_queue.h"

namespace archpool::rpc {

class VerificationService : public v1::VerificationService::CallbackService {
 public:
  // All outlive the service; `waiting` is notified of audits.
  VerificationService(const Gate& gate, const Clock& clock, Engine& engine,
                      WaitQueue& waiting, const AccountDirectory& accounts)
      : gate_(gate),
        clock_(clock),
        engine_(engine),
        waiting_(waiting),
        accounts_(accounts) {}

  grpc::ServerUnaryReactor* AcquireAudit(
      grpc::CallbackServerContext* context,
      const v1::AcquireAuditRequest* request,
      v1::AcquireAuditResponse* response) override;
  grpc::ServerUnaryReactor* RenewAudit(
      grpc::CallbackServerContext* context,
      const v1::RenewAuditRequest* request,
      v1::RenewAuditResponse* response) override;
  grpc::ServerUnaryReactor* ReportAudit(
      grpc::CallbackServerContext* context,
      const v1::ReportAuditRequest* request,
      v1::ReportAuditResponse* response) override;
  grpc::ServerUnaryReactor* VoidTrial(grpc::CallbackServerContext* context,
                                      const v1::VoidTrialRequest* request,
                                      v1::VoidTrialResponse* response) override;
  grpc::ServerUnaryReactor* ListVerifiers(
      grpc::CallbackServerContext* context,
      const v1::ListVerifiersRequest* request,
      v1::ListVerifiersResponse* response) override;

 private:
  const Gate& gate_;
  const Clock& clock_;  // the engine's
  Engine& engine_;
  WaitQueue& waiting_;
  const AccountDirectory& accounts_;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_VERIFICATION_SERVICE_H_
