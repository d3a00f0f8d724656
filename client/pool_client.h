// SPDX-License-Identifier: Apache-2.0
// The server as the command sees it: every call is tried again for a while
// where the server is away. Requests are idempotent, so trying again is safe.
// Thread-safe.
#ifndef ARCHPOOL_CLIENT_POOL_CLIENT_H_
#define ARCHPOOL_CLIENT_POOL_CLIENT_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "archpool/v1/account.grpc.pb.h"
#include "archpool/v1/invitation.grpc.pb.h"
#include "archpool/v1/ledger.grpc.pb.h"
#include "archpool/v1/payout.grpc.pb.h"
#include "archpool/v1/pool.grpc.pb.h"
#include "archpool/v1/receipt.grpc.pb.h"
#include "archpool/v1/task.grpc.pb.h"
#include "archpool/v1/token.grpc.pb.h"
#include "archpool/v1/verification.grpc.pb.h"
#include "common/channel/blob_client.h"
#include "common/channel/remote.h"
#include "common/channel/retry.h"
#include "common/channel/server_site.h"
#include "common/wire/request_limits.h"

namespace archpool {

// The methods of each service, for Call and ListAll.
using AccountStub = v1::AccountService::Stub;
using InvitationStub = v1::InvitationService::Stub;
using TokenStub = v1::TokenService::Stub;
using PoolStub = v1::PoolService::Stub;
using TaskStub = v1::TaskService::Stub;
using LedgerStub = v1::LedgerService::Stub;
using PayoutStub = v1::PayoutService::Stub;
using ReceiptStub = v1::ReceiptService::Stub;
using VerificationStub = v1::VerificationService::Stub;

class PoolClient {
 public:
  // `token`: "" for nobody's. `patience` is for a server that is away; `stop`
  // calls everything off.
  PoolClient(const ServerSite& site, const std::string& token,
             const RetryPolicy& patience, std::stop_token stop);

  // Any unary call, e.g. Call(client.tasks(), &TaskStub::GetTask, request).
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
    absl::StatusOr<Response> answer =
        remote_.Call(stub, method, request, {.stop = stop_});
    if (!answer.ok()) return UnlessAnother(answer.status());
    return answer;
  }

  // All pages in one response, with `count_max` rows at most, e.g.
  // ListAll(client.tasks(), &TaskStub::ListTasks, request,
  // &v1::ListTasksResponse::mutable_tasks).
  template <typename Stub, typename Request, typename Response, typename Row>
  absl::StatusOr<Response> ListAll(
      Stub& stub,
      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                   Response*),
      Request request,
      google::protobuf::RepeatedPtrField<Row>* (Response::*rows)(),
      int64_t count_max = INT64_MAX) {
    Response all;
    while (true) {
      request.set_page_size(
          std::min(limits::kPageSize.max, count_max - (all.*rows)()->size()));
      auto page = Call(stub, method, request);
      if (!page.ok()) return page.status();
      const bool is_last =
          page->next_page_token().empty() || ((*page).*rows)()->empty();
      request.set_page_token(page->next_page_token());
      // What is said beside the rows is as the last page has it.
      google::protobuf::RepeatedPtrField<Row> known;
      known.Swap((all.*rows)());
      known.MergeFrom(*((*page).*rows)());
      all = *std::move(page);
      known.Swap((all.*rows)());
      if (!is_last && (all.*rows)()->size() < count_max) continue;
      all.clear_next_page_token();
      return all;
    }
  }

  AccountStub& accounts() { return *accounts_; }
  InvitationStub& invitations() { return *invitations_; }
  TokenStub& tokens() { return *tokens_; }
  PoolStub& pool() { return *pool_; }
  TaskStub& tasks() { return *tasks_; }
  LedgerStub& ledger() { return *ledger_; }
  PayoutStub& payouts() { return *payouts_; }
  ReceiptStub& receipts() { return *receipts_; }
  VerificationStub& verification() { return *verification_; }
  const BlobClient& blobs() const { return blobs_; }
  const RetryPolicy& patience() const { return patience_; }
  const std::stop_token& stop() const { return stop_; }

  absl::StatusOr<v1::Maintenance> GetMaintenance();
  absl::StatusOr<v1::Task> GetTask(int64_t task_id);
  // Those after `after_trial_id`; 0: all.
  absl::StatusOr<std::vector<v1::Trial>> ListTrials(int64_t task_id,
                                                    int64_t after_trial_id);
  // The newest first.
  absl::StatusOr<std::vector<v1::Lease>> ListLeases(
      const v1::ListLeasesRequest& request, int64_t count_max);
  absl::StatusOr<std::vector<v1::TaskSummary>> ListTasks(int64_t count_max);
  absl::StatusOr<v1::ListWorkersResponse> ListWorkers();
  // By kind, as the pool's places are told apart.
  absl::StatusOr<v1::ListBalancesResponse> ListBalances();
  // Calls `on_task` with each state of the task until it has ended or `on_task`
  // answers false; opens the stream again where the server went away.
  absl::Status WatchTask(int64_t task_id,
                         const std::function<bool(const v1::Task&)>& on_task);

 private:
  absl::Status WatchOnce(int64_t task_id,
                         const std::function<bool(const v1::Task&)>& on_task,
                         bool& was_heard);
  // A server that never was the right one is nothing to wait for:
  // FAILED_PRECONDITION.
  absl::Status UnlessAnother(const absl::Status& status) const;

  const std::stop_token stop_;
  const RetryPolicy patience_;
  const Remote remote_;
  const std::unique_ptr<AccountStub> accounts_;
  const std::unique_ptr<InvitationStub> invitations_;
  const std::unique_ptr<TokenStub> tokens_;
  const std::unique_ptr<PoolStub> pool_;
  const std::unique_ptr<TaskStub> tasks_;
  const std::unique_ptr<LedgerStub> ledger_;
  const std::unique_ptr<PayoutStub> payouts_;
  const std::unique_ptr<ReceiptStub> receipts_;
  const std::unique_ptr<VerificationStub> verification_;
  const BlobClient blobs_;
};

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_POOL_CLIENT_H_
