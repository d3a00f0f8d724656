// SPDX-License-Identifier: Apache-2.0
// The server as the command sees it: every call is tried again for a while
// where the server is away. Requests are idempotent, so trying again is safe.
// Thread-safe.
#ifndef ARCHPOOL_CLIENT_POOL_CLIENT_H_
#define ARCHPOOL_CLIENT_POOL_CLIENT_H_

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "archpool/v1/ledger.grpc.pb.h"
#include "archpool/v1/payout.grpc.pb.h"
#include "archpool/v1/pool.grpc.pb.h"
#include "archpool/v1/receipt.grpc.pb.h"
#include "archpool/v1/task.grpc.pb.h"
#include "archpool/v1/verification.grpc.pb.h"
#include "common/channel/blob_client.h"
#include "common/channel/remote.h"
#include "common/channel/retry.h"

namespace archpool {

class PoolClient {
 public:
  // `patience` is for a server that is away; `stop` calls everything off.
  PoolClient(const std::string& server, const std::string& token,
             const RetryPolicy& patience, std::stop_token stop);

  // Any unary call, e.g. Call(client.tasks(), &v1::TaskService::Stub::GetTask,
  // request).
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(
      Stub& stub,
      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                   Response*),
      const Request& request) {
    return RetryWhileTransient(patience_, stop_,
                               [&] { return CallOnce(stub, method, request); });
  }

  // The same, tried once.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> CallOnce(
      Stub& stub,
      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                   Response*),
      const Request& request) {
    return remote_.Call(stub, method, request, {.stop = stop_});
  }

  v1::PoolService::Stub& pool() { return *pool_; }
  v1::TaskService::Stub& tasks() { return *tasks_; }
  v1::LedgerService::Stub& ledger() { return *ledger_; }
  v1::PayoutService::Stub& payouts() { return *payouts_; }
  v1::ReceiptService::Stub& receipts() { return *receipts_; }
  v1::VerificationService::Stub& verification() { return *verification_; }
  const BlobClient& blobs() const { return blobs_; }
  const RetryPolicy& patience() const { return patience_; }
  const std::stop_token& stop() const { return stop_; }

  absl::StatusOr<v1::Maintenance> GetMaintenance();
  absl::StatusOr<v1::Task> GetTask(int64_t task_id);
  // All pages. `after_trial_id` as in ListTrialsRequest.
  absl::StatusOr<std::vector<v1::Trial>> ListTrials(int64_t task_id,
                                                    int64_t after_trial_id);
  // The newest first.
  absl::StatusOr<std::vector<v1::Lease>> ListLeases(
      v1::ListLeasesRequest request, int64_t count_max);
  absl::StatusOr<std::vector<v1::Task>> ListTasks(int64_t count_max);
  // Calls `on_task` with each state of the task until it has ended or `on_task`
  // answers false; opens the stream again where the server went away.
  absl::Status WatchTask(int64_t task_id,
                         const std::function<bool(const v1::Task&)>& on_task);

 private:
  absl::Status WatchOnce(int64_t task_id,
                         const std::function<bool(const v1::Task&)>& on_task,
                         bool& was_heard);

  const std::stop_token stop_;
  const RetryPolicy patience_;
  const Remote remote_;
  const std::unique_ptr<v1::PoolService::Stub> pool_;
  const std::unique_ptr<v1::TaskService::Stub> tasks_;
  const std::unique_ptr<v1::LedgerService::Stub> ledger_;
  const std::unique_ptr<v1::PayoutService::Stub> payouts_;
  const std::unique_ptr<v1::ReceiptService::Stub> receipts_;
  const std::unique_ptr<v1::VerificationService::Stub> verification_;
  const BlobClient blobs_;
};

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_POOL_CLIENT_H_
