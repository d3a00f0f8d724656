// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/task_service.h"

#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/crypto/random.h"
#include "common/model/limits.h"
#include "common/wire/dataset_files_wire.h"
#include "common/wire/fields.h"
#include "common/wire/request_limits.h"
#include "common/wire/task_spec_wire.h"
#include "server/intake/dataset_registration.h"
#include "server/intake/known_results.h"
#include "server/rpc/records_to_proto.h"

namespace archpool::rpc {
namespace {

absl::StatusOr<DatasetRequest> ReadDatasetRequest(
    const v1::RegisterDatasetRequest& request) {
  ARCHPOOL_ASSIGN_OR_RETURN(wire::DatasetFiles files,
                            wire::DatasetFilesFromProto(request));
  DatasetRequest dataset{.format = files.format,
                         .files = std::move(files.digests)};
  const bool has_own_held_out = HasHeldOutFiles(*dataset.format, dataset.files);
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckRanges(
      "", {{"classes", request.classes(), limits::kClasses},
           {"validation_count", request.validation_count(), limits::kImages},
           {"held_out_count", request.held_out_count(),
            has_own_held_out ? Range<int64_t>{0, 0} : limits::kImages}}));
  dataset.classes = request.classes();
  dataset.validation_count = request.validation_count();
  dataset.held_out_count = request.held_out_count();
  return dataset;
}

std::vector<Digest> FilesOf(const DatasetRequest& request) {
  std::vector<Digest> files;
  for (const auto& [key, digests] : request.files) {
    files.insert(files.end(), digests.begin(), digests.end());
  }
  return files;
}

absl::StatusOr<SubmitTask> ReadSubmitTask(
    AccountId caller, const v1::SubmitTaskRequest& request) {
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckPrintable(
      "request_id", request.request_id(), limits::kRequestIdLengthMax));
  if (!request.has_spec()) return wire::RequiredError("spec");
  archpool::SubmitTask command{.caller = caller,
                               .spec = {},
                               .request_id = request.request_id(),
                               .secret = RandomSecret()};
  ARCHPOOL_ASSIGN_OR_RETURN(command.spec,
                            wire::TaskSpecFromProto(request.spec()));
  return command;
}

absl::StatusOr<SubmitTask> ReadCheckTask(AccountId caller,
                                         const v1::CheckTaskRequest& request) {
  if (!request.has_spec()) return wire::RequiredError("spec");
  archpool::SubmitTask command{.caller = caller};
  ARCHPOOL_ASSIGN_OR_RETURN(command.spec,
                            wire::TaskSpecFromProto(request.spec()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.only_check,
      wire::ManifestFromProto("manifest", request.manifest()));
  return command;
}

absl::StatusOr<CancelTask> ReadCancelTask(
    const Account& caller, const v1::CancelTaskRequest& request) {
  archpool::CancelTask command;
  ARCHPOOL_ASSIGN_OR_RETURN(command.task,
                            wire::ReadId<TaskId>("task_id", request.task_id()));
  if (caller.role == Role::kClient) {
    command.client = caller.id;
  } else {
    command.by = caller.id;
  }
  return command;
}

}  // namespace

grpc::ServerUnaryReactor* TaskService::RegisterDataset(
    grpc::CallbackServerContext* context,
    const v1::RegisterDatasetRequest* request,
    v1::RegisterDatasetResponse* response) {
  return Serve(parts_.gate, context, "/archpool.v1.TaskService/RegisterDataset",
               request, response, [this](const RegisterCall& call) {
                 const absl::Status taken =
                     parts_.registrations.Run([this, call] { Register(call); });
                 if (!taken.ok()) call.finish(taken);
               });
}

void TaskService::Register(const RegisterCall& call) {
  const absl::StatusOr<DatasetRequest> request =
      ReadDatasetRequest(*call.request);
  if (!request.ok()) return call.finish(request.status());
  // Before any of them is opened.
  const absl::Status own = parts_.engine
                               .Call(CheckFiles{.caller = call.caller.id,
                                                .files = FilesOf(*request)},
                                     call.caller.id)
                               .status();
  if (!own.ok()) return call.finish(own);
  // With the command until it is answered: it names what is held.
  const auto held = std::make_shared<std::vector<BlobHold>>();
  SubmitCommand<archpool::RegisterDataset>(
      parts_.engine,
      PrepareDataset(
          parts_.blobs, *request, call.caller.id, pool_secret_,
          [&](int64_t bytes) -> absl::Status {
            ARCHPOOL_RETURN_IF_ERROR(parts_.check_disk());
            return parts_.engine
                .Call(AskForRoom{.caller = call.caller.id, .bytes = bytes},
                      call.caller.id)
                .status();
          },
          *held),
      call,
      [held](const DatasetRecord& record, v1::RegisterDatasetResponse* to) {
        to->set_dataset_id(record.id.AsBytes());
        *to->mutable_manifest() = wire::ToProto(record.manifest);
      });
}

grpc::ServerUnaryReactor* TaskService::SubmitTask(
    grpc::CallbackServerContext* context, const v1::SubmitTaskRequest* request,
    v1::SubmitTaskResponse* response) {
  return Serve(parts_.gate, context, "/archpool.v1.TaskService/SubmitTask",
               request, response, [this](const auto& call) {
                 // Looking up earlier results may block.
                 const absl::Status taken = parts_.watch.executor.Run(
                     [this, call] { SubmitWithKnown(call); });
                 if (!taken.ok()) call.finish(taken);
               });
}

void TaskService::SubmitWithKnown(const SubmitCall& call) {
  const absl::Status room = parts_.check_disk();
  if (!room.ok()) return call.finish(room);
  // As above.
  const auto held = std::make_shared<std::vector<BlobHold>>();
  absl::StatusOr<archpool::SubmitTask> command =
      ReadSubmitTask(call.caller.id, *call.request);
  if (command.ok() && command->spec.ValidateNew().ok()) {
    absl::StatusOr<std::vector<Trial>> known =
        CollectKnownResults(parts_.reader, call.caller.id, command->spec);
    if (!known.ok()) return call.finish(known.status());
    command->known =
        HoldWeights(parts_.blobs, command->spec, *std::move(known), *held);
  }
  SubmitCommand<archpool::SubmitTask>(
      parts_.engine, std::move(command), call,
      [held](TaskId task, v1::SubmitTaskResponse* to) {
        to->set_task_id(task.value);
      });
}

grpc::ServerUnaryReactor* TaskService::CheckTask(
    grpc::CallbackServerContext* context, const v1::CheckTaskRequest* request,
    v1::CheckTaskResponse* response) {
  return Serve(parts_.gate, context, "/archpool.v1.TaskService/CheckTask",
               request, response, [this](const auto& call) {
                 SubmitCommand<archpool::SubmitTask>(
                     parts_.engine,
                     ReadCheckTask(call.caller.id, *call.request), call,
                     [](TaskId, v1::CheckTaskResponse*) {});
               });
}

grpc::ServerUnaryReactor* TaskService::GetTask(
    grpc::CallbackServerContext* context, const v1::GetTaskRequest* request,
    v1::GetTaskResponse* response) {
  return Serve(
      parts_.gate, context, "/archpool.v1.TaskService/GetTask", request,
      response, [this](const auto& accepted) {
        RunOn(parts_.watch.executor, accepted,
              [this](const auto& call) -> absl::Status {
                ARCHPOOL_ASSIGN_OR_RETURN(
                    const TaskId id,
                    wire::ReadId<TaskId>("task_id", call.request->task_id()));
                ARCHPOOL_ASSIGN_OR_RETURN(
                    const auto view,
                    ViewFor(call.caller, parts_.watch.views, id));
                *call.response->mutable_task() =
                    ToProto(*view, NamesFor(call.caller));
                return absl::OkStatus();
              });
      });
}

grpc::ServerUnaryReactor* TaskService::CancelTask(
    grpc::CallbackServerContext* context, const v1::CancelTaskRequest* request,
    v1::CancelTaskResponse* response) {
  return Serve(
      parts_.gate, context, "/archpool.v1.TaskService/CancelTask", request,
      response, [this](const CancelCall& call) {
        const absl::StatusOr<archpool::CancelTask> command =
            ReadCancelTask(call.caller, *call.request);
        if (!command.ok()) return call.finish(command.status());
        parts_.engine.Submit<archpool::CancelTask>(
            *command,
            [this, call](absl::StatusOr<TaskState> state) {
              if (state.status().code() == absl::StatusCode::kNotFound) {
                return AnswerFromStore(call);
              }
              if (state.ok()) call.response->set_state(ToProto(*state));
              call.finish(state.status());
            },
            call.caller.id);
      });
}

void TaskService::AnswerFromStore(const CancelCall& accepted) {
  RunOn(parts_.watch.executor, accepted,
        [this](const CancelCall& call) -> absl::Status {
          const TaskId id{call.request->task_id()};
          ARCHPOOL_ASSIGN_OR_RETURN(const Task task,
                                    TaskFor(call.caller, parts_.reader, id));
          call.response->set_state(ToProto(task.state));
          return absl::OkStatus();
        });
}

grpc::ServerWriteReactor<v1::WatchTaskResponse>* TaskService::WatchTask(
    grpc::CallbackServerContext* context, const v1::WatchTaskRequest* request) {
  const absl::StatusOr<KnownCaller> caller =
      parts_.gate.Admit(*context, "/archpool.v1.TaskService/WatchTask");
  if (!caller.ok()) {
    return new RefusedWrites<v1::WatchTaskResponse>(caller.status());
  }
  const absl::StatusOr<TaskId> task =
      wire::ReadId<TaskId>("task_id", request->task_id());
  if (!task.ok())
    return new RefusedWrites<v1::WatchTaskResponse>(task.status());
  return TaskWatch::Start(parts_.watch, pace_, caller->account,
                          parts_.gate.StillIn(caller->token), *task);
}

}  // namespace archpool::rpc
