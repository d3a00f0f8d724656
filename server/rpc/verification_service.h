// What verifiers call. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_VERIFICATION_SERVICE_H_
#define ARCHPOOL_SERVER_RPC_VERIFICATION_SERVICE_H_

#include "archpool/v1/verification.grpc.pb.h"
#include "server/engine/engine.h"
#include "server/rpc/call.h"
#include "server/rpc/wait_queue.h"

namespace archpool::rpc {

class VerificationService : public v1::VerificationService::CallbackService {
 public:
  // All outlive the service; `waiting` is notified of audits.
  VerificationService(const Gate& gate, Engine& engine, WaitQueue& waiting)
      : gate_(gate), engine_(engine), waiting_(waiting) {}

  grpc::ServerUnaryReactor* AcquireAudit(
      grpc::CallbackServerContext* context,
      const v1::AcquireAuditRequest* request,
      v1::AcquireAuditResponse* response) override;
  grpc::ServerUnaryReactor* ReportAudit(
      grpc::CallbackServerContext* context,
      const v1::ReportAuditRequest* request,
      v1::ReportAuditResponse* response) override;

 private:
  const Gate& gate_;
  Engine& engine_;
  WaitQueue& waiting_;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_VERIFICATION_SERVICE_H_
