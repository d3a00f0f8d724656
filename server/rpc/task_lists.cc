// SPDX-License-Identifier: Apache-2.0
// The lists of TaskService, in pages.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/countdown.h"
#include "common/base/status.h"
#include "common/wire/fields.h"
#include "common/wire/request_limits.h"
#include "server/rpc/paging.h"
#include "server/rpc/records_to_proto.h"
#include "server/rpc/task_service.h"

namespace archpool::rpc {
namespace {

// A page ends once it took as long: tasks that a server from before summaries
// ended are summed up when they are first asked for, and a caller that
// lists them all must not keep a reader's thread from others meanwhile.
constexpr absl::Duration kPageTimeMax = absl::Milliseconds(500);

using Stored = std::map<TaskId, SummaryRecord>;

// What those of the tasks came to that have ended, with one read for all.
absl::StatusOr<Stored> ReadStored(Reader& reader,
                                  const std::vector<Task>& tasks) {
  std::vector<TaskId> ended;
  for (const Task& task : tasks) {
    if (IsEnded(task.state)) ended.push_back(task.id);
  }
  Stored stored;
  if (ended.empty()) return stored;
  ARCHPOOL_ASSIGN_OR_RETURN(std::vector<SummaryRecord> found,
                            reader.Summaries(ended));
  for (SummaryRecord& one : found) stored[one.task] = std::move(one);
  return stored;
}

// For a client, of a trial that it does not pay for.
void HideResults(v1::Trial& trial) {
  trial.clear_claimed_accuracy_ppm();
  trial.clear_measured_accuracy_ppm();
  trial.clear_verified_accuracy_ppm();
}

}  // namespace

grpc::ServerUnaryReactor* TaskService::ListTasks(
    grpc::CallbackServerContext* context, const v1::ListTasksRequest* request,
    v1::ListTasksResponse* response) {
  return Serve(parts_.gate, context, "/archpool.v1.TaskService/ListTasks",
               request, response, [this](const TasksCall& accepted) {
                 RunOn(parts_.watch.executor, accepted,
                       [this](const TasksCall& call) { return List(call); });
               });
}

absl::Status TaskService::List(const TasksCall& call) {
  ARCHPOOL_ASSIGN_OR_RETURN(Page page,
                            Page::Read("ListTasks", "", *call.request));
  TaskFilter filter;
  if (call.caller.role == Role::kClient) filter.client = call.caller.id;
  filter.before = TaskId{page.after_id()};
  filter.limit = page.limit();
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Task> tasks,
                            parts_.reader.Tasks(filter));
  ARCHPOOL_ASSIGN_OR_RETURN(const Stored stored,
                            ReadStored(parts_.reader, tasks));
  const Names names = NamesFor(call.caller);
  const Stopwatch watch;
  for (const Task& task : tasks) {
    const bool is_late =
        call.response->tasks_size() > 0 && watch.elapsed() > kPageTimeMax;
    if (page.IsFull() || is_late) {
      call.response->set_next_page_token(page.NextToken());
      break;
    }
    v1::TaskSummary summary;
    const auto found = stored.find(task.id);
    if (found != stored.end()) {
      summary = ToSummary(task, found->second, names);
    } else {
      ARCHPOOL_ASSIGN_OR_RETURN(const auto view,
                                parts_.watch.views.Get(task.id));
      summary = ToSummary(*view, names);
    }
    v1::TaskSummary* const to = call.response->add_tasks();
    *to = std::move(summary);
    page.Add(*to, task.id.value);
  }
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* TaskService::ListTrials(
    grpc::CallbackServerContext* context, const v1::ListTrialsRequest* request,
    v1::ListTrialsResponse* response) {
  return Serve(parts_.gate, context, "/archpool.v1.TaskService/ListTrials",
               request, response, [this](const TrialsCall& accepted) {
                 RunOn(parts_.watch.executor, accepted,
                       [this](const TrialsCall& call) { return List(call); });
               });
}

absl::Status TaskService::List(const TrialsCall& call) {
  const v1::ListTrialsRequest& request = *call.request;
  ARCHPOOL_ASSIGN_OR_RETURN(const TaskId id,
                            wire::ReadId<TaskId>("task_id", request.task_id()));
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckRange(
      "after_trial_id", request.after_trial_id(), limits::kNotNegative));
  ARCHPOOL_ASSIGN_OR_RETURN(
      Page page, Page::Read("ListTrials", absl::StrCat(id.value), request));
  ARCHPOOL_ASSIGN_OR_RETURN(const Task task,
                            TaskFor(call.caller, parts_.reader, id));
  ARCHPOOL_ASSIGN_OR_RETURN(const DatasetRecord dataset,
                            parts_.reader.GetDataset(task.spec->dataset));
  const Names names = NamesFor(call.caller);
  const TrialId after{request.page_token().empty() ? request.after_trial_id()
                                                   : page.after_id()};
  const bool is_miner = call.caller.role == Role::kMiner;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<Trial> trials,
      parts_.reader.TrialsIn(id, is_miner ? call.caller.id : AccountId(), after,
                             page.limit()));
  for (const Trial& trial : trials) {
    if (page.IsFull()) {
      call.response->set_next_page_token(page.NextToken());
      break;
    }
    // What a client knew before names whose work it was: that is over.
    if (is_miner && trial.known_from.IsSet()) {
      page.Add(0, absl::StrCat(trial.id.value));
      continue;
    }
    v1::Trial* const to = call.response->add_trials();
    *to = ToProto(trial, *task.spec, dataset.manifest, names);
    // A client learns what it pays for.
    if (call.caller.role == Role::kClient &&
        trial.state != TrialState::kAccepted) {
      HideResults(*to);
    }
    page.Add(*to, trial.id.value);
  }
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* TaskService::ListLeases(
    grpc::CallbackServerContext* context, const v1::ListLeasesRequest* request,
    v1::ListLeasesResponse* response) {
  return Serve(parts_.gate, context, "/archpool.v1.TaskService/ListLeases",
               request, response, [this](const LeasesCall& accepted) {
                 RunOn(parts_.watch.executor, accepted,
                       [this](const LeasesCall& call) { return List(call); });
               });
}

absl::Status TaskService::List(const LeasesCall& call) {
  const v1::ListLeasesRequest& request = *call.request;
  LeaseFilter filter;
  if (request.has_task_id()) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        filter.task, wire::ReadId<TaskId>("task_id", request.task_id()));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      Page page,
      Page::Read("ListLeases",
                 absl::StrCat(request.task_id(), " ", request.include_ended()),
                 request));
  if (call.caller.role == Role::kClient) filter.client = call.caller.id;
  if (call.caller.role == Role::kMiner) filter.account = call.caller.id;
  filter.active_only = !request.include_ended();
  filter.before = LeaseId{page.after_id()};
  filter.limit = page.limit();
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Lease> leases,
                            parts_.reader.Leases(filter));
  const Names names = NamesFor(call.caller);
  FillPage(
      page, leases,
      [&](const Lease& lease) -> const v1::Lease& {
        return *call.response->add_leases() = ToProto(lease, names);
      },
      [](const Lease& lease) { return lease.id.value; }, call.response);
  return absl::OkStatus();
}

}  // namespace archpool::rpc
