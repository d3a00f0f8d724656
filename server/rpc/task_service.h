// SPDX-License-Identifier: Apache-2.0
// Tasks and datasets on the wire. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_TASK_SERVICE_H_
#define ARCHPOOL_SERVER_RPC_TASK_SERVICE_H_

#include <functional>

#include "absl/status/status.h"
#include "archpool/v1/task.grpc.pb.h"
#include "common/crypto/sha256.h"
#include "server/engine/engine.h"
#include "server/rpc/call.h"
#include "server/rpc/task_watch.h"
#include "server/storage/blob_store.h"
#include "server/storage/store.h"

namespace archpool::rpc {

class TaskService : public v1::TaskService::CallbackService {
 public:
  // What outlives the service.
  struct Parts {
    const Gate& gate;
    Engine& engine;
    Reader& reader;
    const BlobStore& blobs;
    // Cutting datasets takes seconds and much memory: one thread.
    Executor& registrations;
    // Whether the disk has room for what is new: UNAVAILABLE
    // (STORAGE_RESERVED).
    const std::function<absl::Status()>& check_disk;
    WatchParts watch;
  };
  // `pool_secret` keys the cuts of datasets.
  TaskService(const Parts& parts, const Digest& pool_secret,
              const WatchPace& pace)
      : parts_(parts), pool_secret_(pool_secret), pace_(pace) {}

  grpc::ServerUnaryReactor* RegisterDataset(
      grpc::CallbackServerContext* context,
      const v1::RegisterDatasetRequest* request,
      v1::RegisterDatasetResponse* response) override;
  grpc::ServerUnaryReactor* SubmitTask(
      grpc::CallbackServerContext* context,
      const v1::SubmitTaskRequest* request,
      v1::SubmitTaskResponse* response) override;
  grpc::ServerUnaryReactor* CheckTask(grpc::CallbackServerContext* context,
                                      const v1::CheckTaskRequest* request,
                                      v1::CheckTaskResponse* response) override;
  grpc::ServerUnaryReactor* GetTask(grpc::CallbackServerContext* context,
                                    const v1::GetTaskRequest* request,
                                    v1::GetTaskResponse* response) override;
  grpc::ServerUnaryReactor* ListTasks(grpc::CallbackServerContext* context,
                                      const v1::ListTasksRequest* request,
                                      v1::ListTasksResponse* response) override;
  grpc::ServerUnaryReactor* CancelTask(
      grpc::CallbackServerContext* context,
      const v1::CancelTaskRequest* request,
      v1::CancelTaskResponse* response) override;
  grpc::ServerUnaryReactor* ListTrials(
      grpc::CallbackServerContext* context,
      const v1::ListTrialsRequest* request,
      v1::ListTrialsResponse* response) override;
  grpc::ServerUnaryReactor* GetReproduction(
      grpc::CallbackServerContext* context,
      const v1::GetReproductionRequest* request,
      v1::GetReproductionResponse* response) override;
  grpc::ServerUnaryReactor* ListLeases(
      grpc::CallbackServerContext* context,
      const v1::ListLeasesRequest* request,
      v1::ListLeasesResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchTaskResponse>* WatchTask(
      grpc::CallbackServerContext* context,
      const v1::WatchTaskRequest* request) override;

 private:
  using SubmitCall = UnaryCall<v1::SubmitTaskRequest, v1::SubmitTaskResponse>;
  using CancelCall = UnaryCall<v1::CancelTaskRequest, v1::CancelTaskResponse>;
  using RegisterCall =
      UnaryCall<v1::RegisterDatasetRequest, v1::RegisterDatasetResponse>;
  using TasksCall = UnaryCall<v1::ListTasksRequest, v1::ListTasksResponse>;
  using TrialsCall = UnaryCall<v1::ListTrialsRequest, v1::ListTrialsResponse>;
  using LeasesCall = UnaryCall<v1::ListLeasesRequest, v1::ListLeasesResponse>;

  void Register(const RegisterCall& call);
  void SubmitWithKnown(const SubmitCall& call);
  // The core has forgotten the task: it may have ended.
  void AnswerFromStore(const CancelCall& accepted);
  absl::Status List(const TasksCall& call);
  absl::Status List(const TrialsCall& call);
  absl::Status List(const LeasesCall& call);
  Names NamesFor(const Account& caller) const {
    return Names(parts_.watch.accounts, caller);
  }

  const Parts parts_;
  const Digest pool_secret_;
  const WatchPace pace_;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_TASK_SERVICE_H_
