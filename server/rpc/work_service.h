// SPDX-License-Identifier: Apache-2.0
// What workers call. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_WORK_SERVICE_H_
#define ARCHPOOL_SERVER_RPC_WORK_SERVICE_H_

#include <memory>
#include <optional>

#include "archpool/v1/work.grpc.pb.h"
#include "common/base/clock.h"
#include "server/core/rules/policy.h"
#include "server/engine/engine.h"
#include "server/engine/executor.h"
#include "server/rpc/call.h"
#include "server/rpc/session_directory.h"
#include "server/rpc/wait_queue.h"
#include "server/storage/store.h"

namespace archpool::rpc {

class WorkService : public v1::WorkService::CallbackService {
 public:
  using OpenCall = UnaryCall<v1::OpenSessionRequest, v1::OpenSessionResponse>;
  using HeartbeatCall = UnaryCall<v1::HeartbeatRequest, v1::HeartbeatResponse>;
  using ReportCall =
      UnaryCall<v1::ReportTrialsRequest, v1::ReportTrialsResponse>;

  // All outlive the service; `waiting` is notified of work.
  WorkService(const Gate& gate, const Clock& clock, Engine& engine,
              Reader& reader, Executor& executor, SessionDirectory& sessions,
              WaitQueue& waiting, const PoolPolicy& policy);

  grpc::ServerUnaryReactor* OpenSession(
      grpc::CallbackServerContext* context,
      const v1::OpenSessionRequest* request,
      v1::OpenSessionResponse* response) override;
  grpc::ServerUnaryReactor* AcquireLease(
      grpc::CallbackServerContext* context,
      const v1::AcquireLeaseRequest* request,
      v1::AcquireLeaseResponse* response) override;
  grpc::ServerUnaryReactor* Heartbeat(grpc::CallbackServerContext* context,
                                      const v1::HeartbeatRequest* request,
                                      v1::HeartbeatResponse* response) override;
  grpc::ServerUnaryReactor* ReportTrials(
      grpc::CallbackServerContext* context,
      const v1::ReportTrialsRequest* request,
      v1::ReportTrialsResponse* response) override;
  grpc::ServerUnaryReactor* RevealSegment(
      grpc::CallbackServerContext* context,
      const v1::RevealSegmentRequest* request,
      v1::RevealSegmentResponse* response) override;
  grpc::ServerUnaryReactor* ReleaseLease(
      grpc::CallbackServerContext* context,
      const v1::ReleaseLeaseRequest* request,
      v1::ReleaseLeaseResponse* response) override;

 private:
  // The same call, whose refusal is noted.
  OpenCall NotingRefusal(const OpenCall& call);
  // Notes what the worker does, renews the leases that need it, and reviews the
  // trials that it keeps where it asks for that. The session is known to the
  // directory.
  void Beat(const HeartbeatCall& call, const WorkerProgress& progress,
            const std::optional<ReviewTrials>& review);
  // Runs `then(call, worker)` where the caller's session is open; one from
  // before this server's start is looked up.
  template <typename Call, typename Then>
  void InSession(SessionId session, const Call& call, Then then);

  const Gate& gate_;
  const Clock& clock_;
  Engine& engine_;
  Reader& reader_;
  Executor& executor_;
  SessionDirectory& sessions_;
  WaitQueue& waiting_;
  const PoolPolicy& policy_;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_WORK_SERVICE_H_
