// SPDX-License-Identifier: Apache-2.0
#include "client/pool_client.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/base/stop.h"

namespace archpool {
namespace {

// The server says something at least every ten seconds.
constexpr absl::Duration kWatchDeadline = absl::Hours(24);

}  // namespace

PoolClient::PoolClient(const ServerSite& site, const std::string& token,
                       const RetryPolicy& patience, std::stop_token stop)
    : stop_(std::move(stop)),
      patience_(patience),
      remote_(site, token),
      accounts_(v1::AccountService::NewStub(remote_.channel())),
      invitations_(v1::InvitationService::NewStub(remote_.channel())),
      tokens_(v1::TokenService::NewStub(remote_.channel())),
      pool_(v1::PoolService::NewStub(remote_.channel())),
      tasks_(v1::TaskService::NewStub(remote_.channel())),
      ledger_(v1::LedgerService::NewStub(remote_.channel())),
      payouts_(v1::PayoutService::NewStub(remote_.channel())),
      receipts_(v1::ReceiptService::NewStub(remote_.channel())),
      verification_(v1::VerificationService::NewStub(remote_.channel())),
      blobs_(remote_) {}

absl::Status PoolClient::UnlessAnother(const absl::Status& status) const {
  if (!IsAnotherServer(status) || remote_.WasRight()) return status;
  return FailedPrecondition(GetReason(status), status.message());
}

absl::StatusOr<v1::Maintenance> PoolClient::GetMaintenance() {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::GetMaintenanceResponse response,
      Call(*pool_, &PoolStub::GetMaintenance, v1::GetMaintenanceRequest()));
  return response.maintenance();
}

absl::StatusOr<v1::Task> PoolClient::GetTask(int64_t task_id) {
  v1::GetTaskRequest request;
  request.set_task_id(task_id);
  ARCHPOOL_ASSIGN_OR_RETURN(v1::GetTaskResponse response,
                            Call(tasks(), &TaskStub::GetTask, request));
  return std::move(*response.mutable_task());
}

absl::StatusOr<std::vector<v1::Trial>> PoolClient::ListTrials(
    int64_t task_id, int64_t after_trial_id) {
  v1::ListTrialsRequest request;
  request.set_task_id(task_id);
  if (after_trial_id != 0) request.set_after_trial_id(after_trial_id);
  ARCHPOOL_ASSIGN_OR_RETURN(const v1::ListTrialsResponse response,
                            ListAll(tasks(), &TaskStub::ListTrials, request,
                                    &v1::ListTrialsResponse::mutable_trials));
  return std::vector<v1::Trial>(response.trials().begin(),
                                response.trials().end());
}

absl::StatusOr<std::vector<v1::Lease>> PoolClient::ListLeases(
    const v1::ListLeasesRequest& request, int64_t count_max) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::ListLeasesResponse response,
      ListAll(tasks(), &TaskStub::ListLeases, request,
              &v1::ListLeasesResponse::mutable_leases, count_max));
  return std::vector<v1::Lease>(response.leases().begin(),
                                response.leases().end());
}

absl::StatusOr<std::vector<v1::TaskSummary>> PoolClient::ListTasks(
    int64_t count_max) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::ListTasksResponse response,
      ListAll(tasks(), &TaskStub::ListTasks, v1::ListTasksRequest(),
              &v1::ListTasksResponse::mutable_tasks, count_max));
  return std::vector<v1::TaskSummary>(response.tasks().begin(),
                                      response.tasks().end());
}

absl::StatusOr<v1::ListWorkersResponse> PoolClient::ListWorkers() {
  return ListAll(pool(), &PoolStub::ListWorkers, v1::ListWorkersRequest(),
                 &v1::ListWorkersResponse::mutable_workers);
}

absl::StatusOr<v1::ListBalancesResponse> PoolClient::ListBalances() {
  ARCHPOOL_ASSIGN_OR_RETURN(
      v1::ListBalancesResponse response,
      ListAll(ledger(), &LedgerStub::ListBalances, v1::ListBalancesRequest(),
              &v1::ListBalancesResponse::mutable_balances));
  std::stable_sort(response.mutable_balances()->begin(),
                   response.mutable_balances()->end(),
                   [](const v1::Balance& a, const v1::Balance& b) {
                     return a.place().kind() < b.place().kind();
                   });
  return response;
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
  if (is_enough) return absl::OkStatus();
  return UnlessAnother(remote_.Finish(status));
}

}  // namespace archpool
