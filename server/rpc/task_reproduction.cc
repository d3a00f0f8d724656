// SPDX-License-Identifier: Apache-2.0
// What a client is told, so that it can train a network of its own again.
#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/wire/fields.h"
#include "server/core/state/queries.h"
#include "server/rpc/task_service.h"

namespace archpool::rpc {
namespace {

using Reproduction = v1::GetReproductionResponse;

// The trial that was trained: of a known result, that of the earlier task.
absl::StatusOr<Trial> TrainedFor(Reader& reader, const Trial& trial) {
  if (!trial.known_from.IsSet()) return trial;
  return reader.GetTrial(trial.known_from);
}

// The trials that made the network of `asked`, from the lowest rung up. Each
// continues one of a lower rung, so there are no more than rungs.
absl::StatusOr<std::vector<Trial>> TrainedOf(Reader& reader,
                                             const Trial& asked) {
  std::vector<Trial> trained;
  ARCHPOOL_ASSIGN_OR_RETURN(Trial at, TrainedFor(reader, asked));
  for (int64_t rung = asked.rung; rung >= 0; --rung) {
    trained.push_back(at);
    if (!at.resumes.IsSet()) break;
    ARCHPOOL_ASSIGN_OR_RETURN(const Trial below, reader.GetTrial(at.resumes));
    ARCHPOOL_ASSIGN_OR_RETURN(at, TrainedFor(reader, below));
  }
  std::reverse(trained.begin(), trained.end());
  return trained;
}

absl::Status CheckEnded(const Task& task, TrialId asked) {
  if (IsEnded(task.state)) return absl::OkStatus();
  return FailedPrecondition(
      "TASK_NOT_ENDED",
      absl::StrCat("how ", asked.ToString(), " was trained is told once ",
                   task.id.ToString(), " has ended"));
}

// A key is told of a task that has ended alone: nothing is trained by its
// secret any more. It is a hash under that secret, and tells of no other key.
absl::Status AddTraining(const Task& task, const Trial& trial, TrialId asked,
                         Reproduction& response) {
  ARCHPOOL_RETURN_IF_ERROR(CheckEnded(task, asked));
  const Commitment& commitment = CommitmentOf(trial);
  Reproduction::Training& training = *response.add_trainings();
  training.set_trial_id(trial.id.value);
  training.set_trial_key(
      TrialKey(task, trial.architecture_id, trial.account, trial.rung)
          .AsBytes());
  training.set_rung(trial.rung);
  training.set_weights_digest(commitment.weights_digest.AsBytes());
  training.set_validation_correct(commitment.claimed_correct);
  training.set_arithmetic(trial.arithmetic);
  return absl::OkStatus();
}

absl::Status AddTrainings(Reader& reader, Task task, const Trial& asked,
                          Reproduction& response) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Trial> trained,
                            TrainedOf(reader, asked));
  for (const Trial& trial : trained) {
    if (trial.task != task.id) {
      ARCHPOOL_ASSIGN_OR_RETURN(task, reader.GetTask(trial.task));
    }
    ARCHPOOL_RETURN_IF_ERROR(AddTraining(task, trial, asked.id, response));
  }
  return absl::OkStatus();
}

// The same of one that there is, and of one that there is not.
absl::Status NotOfCaller(TrialId trial) {
  return NotFound("TRIAL_UNKNOWN",
                  absl::StrCat("there is no ", trial.ToString(),
                               " of a task of this account"));
}

absl::Status Reproduce(Reader& reader, AccountId caller, TrialId id,
                       Reproduction& response) {
  const absl::StatusOr<Trial> trial = reader.GetTrial(id);
  if (!trial.ok() && !absl::IsNotFound(trial.status())) return trial.status();
  // Asked in any case: who has no business with a trial waits no other time for
  // one that there is.
  const absl::StatusOr<Task> task =
      reader.GetTask(trial.ok() ? trial->task : TaskId{1});
  if (!task.ok() && !absl::IsNotFound(task.status())) return task.status();
  if (!trial.ok() || !task.ok() || task->client != caller) {
    return NotOfCaller(id);
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckEnded(*task, id));
  if (trial->state != TrialState::kAccepted) {
    return FailedPrecondition(
        "TRIAL_NOT_ACCEPTED",
        absl::StrCat(id.ToString(), " is ", ToString(trial->state),
                     "; accepted trials alone can be reproduced"));
  }
  ARCHPOOL_RETURN_IF_ERROR(AddTrainings(reader, *task, *trial, response));
  if (trial->measured) {
    response.set_held_out_correct(trial->measured->held_out_correct);
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const DatasetRecord dataset,
                            reader.GetDataset(task->spec->dataset));
  response.set_held_out_digest(dataset.held_out.AsBytes());
  if (dataset.split_key) response.set_split_key(dataset.split_key->AsBytes());
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* TaskService::GetReproduction(
    grpc::CallbackServerContext* context,
    const v1::GetReproductionRequest* request,
    v1::GetReproductionResponse* response) {
  return Serve(parts_.gate, context, "/archpool.v1.TaskService/GetReproduction",
               request, response, [this](const auto& accepted) {
                 RunOn(parts_.watch.executor, accepted,
                       [this](const auto& call) -> absl::Status {
                         ARCHPOOL_ASSIGN_OR_RETURN(
                             const TrialId id,
                             wire::ReadId<TrialId>("trial_id",
                                                   call.request->trial_id()));
                         return Reproduce(parts_.reader, call.caller.id, id,
                                          *call.response);
                       });
               });
}

}  // namespace archpool::rpc
