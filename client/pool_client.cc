// SPDX-License-Identifier: Apache-2.0
#include "client/pool_client.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/base/stop.h"
#include "common/wire/request_limits.h"

namespace archpool {
namespace {

// The server says something at least every ten seconds.
constexpr absl::Duration kWatchDeadline = absl::Hours(24);

}  // namespace

PoolClient::PoolClient(const std::string& server, const std::string& token,
                       const RetryPolicy& patience, std::stop_token stop)
    : stop_(std::move(stop)),
      patience_(patience),
      remote_(server, token),
      pool_(v1::PoolService::NewStub(remote_.channel())),
      tasks_(v1::TaskService::NewStub(remote_.channel())),
      ledger_(v1::LedgerService::NewStub(remote_.channel())),
      payouts_(v1::PayoutService::NewStub(remote_.channel())),
      receipts_(v1::ReceiptService::NewStub(remote_.channel())),
      verification_(v1::VerificationService::NewStub(remote_.channel())),
      blobs_(remote_) {}

absl::StatusOr<v1::Maintenance> PoolClient::GetMaintenance() {
  ARCHPOOL_ASSIGN_OR_RETURN(const v1::GetMaintenanceResponse response,
                            Call(*pool_, &v1::PoolService::Stub::GetMaintenance,
                                 v1::GetMaintenanceRequest()));
  return response.maintenance();
}

absl::StatusOr<v1::Task> PoolClient::GetTask(int64_t task_id) {
  v1::GetTaskRequest request;
  request.set_task_id(task_id);
  ARCHPOOL_ASSIGN_OR_RETURN(
      v1::GetTaskResponse response,
      Call(tasks(), &v1::TaskService::Stub::GetTask, request));
  return std::move(*response.mutable_task());
}

absl::StatusOr<std::vector<v1::Trial>> PoolClient::ListTrials(
    int64_t task_id, int64_t after_trial_id) {
  std::vector<v1::Trial> trials;
  v1::ListTrialsRequest request;
  request.set_task_id(task_id);
  request.set_page_size(limits::kPageSize.max);
  request.set_after_trial_id(after_trial_id);
  while (true) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        v1::ListTrialsResponse response,
        Call(tasks(), &v1::TaskService::Stub::ListTrials, request));
    for (v1::Trial& trial : *response.mutable_trials()) {
      trials.push_back(std::move(trial));
    }
    if (response.trials_size() < limits::kPageSize.max) return trials;
    request.set_after_trial_id(trials.back().trial_id());
  }
}

absl::StatusOr<std::vector<v1::Lease>> PoolClient::ListLeases(
    v1::ListLeasesRequest request, int64_t count_max) {
  std::vector<v1::Lease> leases;
  while (static_cast<int64_t>(leases.size()) < count_max) {
    const int64_t rest = count_max - static_cast<int64_t>(leases.size());
    request.set_page_size(std::min(limits::kPageSize.max, rest));
    ARCHPOOL_ASSIGN_OR_RETURN(
        v1::ListLeasesResponse response,
        Call(tasks(), &v1::TaskService::Stub::ListLeases, request));
    for (v1::Lease& lease : *response.mutable_leases()) {
      leases.push_back(std::move(lease));
    }
    if (response.leases_size() < request.page_size()) break;
    request.set_before_lease_id(leases.back().lease_id());
  }
  return leases;
}

absl::StatusOr<std::vector<v1::Task>> PoolClient::ListTasks(int64_t count_max) {
  std::vector<v1::Task> tasks_found;
  v1::ListTasksRequest request;
  while (static_cast<int64_t>(tasks_found.size()) < count_max) {
    const int64_t rest = count_max - static_cast<int64_t>(tasks_found.size());
    request.set_page_size(std::min(limits::kPageSize.max, rest));
    ARCHPOOL_ASSIGN_OR_RETURN(
        v1::ListTasksResponse response,
        Call(tasks(), &v1::TaskService::Stub::ListTasks, request));
    for (v1::Task& task : *response.mutable_tasks()) {
      tasks_found.push_back(std::move(task));
    }
    if (response.tasks_size() < request.page_size()) break;
    request.set_before_task_id(tasks_found.back().task_id());
  }
  return tasks_found;
}

absl::Status PoolClient::WatchTask(
    int64_t task_id, const std::function<bool(const v1::Task&)>& on_task) {
  while (true) {
    bool was_heard = false;
    const absl::Status status = RetryWhileTransient(patience_, stop_, [&] {
      was_heard = false;
      return WatchOnce(task_id, on_task, was_heard);
    });
    // A stream that worked and broke gets the whole patience again.
    if (!IsTransient(status) || !was_heard || stop_.stop_requested()) {
      return status;
    }
  }
}

absl::Status PoolClient::WatchOnce(
    int64_t task_id, const std::function<bool(const v1::Task&)>& on_task,
    bool& was_heard) {
  grpc::ClientContext context;
  remote_.Prepare(context, kWatchDeadline);
  const std::stop_callback cancel(stop_, [&context] { context.TryCancel(); });
  v1::WatchTaskRequest request;
  request.set_task_id(task_id);
  const auto reader = tasks_->WatchTask(&context, request);
  v1::WatchTaskResponse response;
  bool is_enough = false;
  while (!is_enough && reader->Read(&response)) {
    was_heard = true;
    is_enough = !on_task(response.task());
  }
  if (is_enough) context.TryCancel();
  const grpc::Status status = reader->Finish();
  if (is_enough || status.ok()) return absl::OkStatus();
  return wire::FromGrpc(status);
}

}  // namespace archpool
