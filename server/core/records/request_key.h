// SPDX-License-Identifier: Apache-2.0
// What was asked for under an idempotency key. Value type; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_RECORDS_REQUEST_KEY_H_
#define ARCHPOOL_SERVER_CORE_RECORDS_REQUEST_KEY_H_

#include <string>

#include "common/model/ids.h"
#include "server/core/records/entities.h"

namespace archpool {

// One request id may name a task, a deposit and a payout at once.
enum class RequestKind { kTask, kDeposit, kPayout };

struct RequestKey {
  RequestKind kind = RequestKind::kTask;
  AccountId account;  // unset for deposits
  std::string request_id;

  static RequestKey OfTask(AccountId client, const std::string& request_id) {
    return {RequestKind::kTask, client, request_id};
  }
  static RequestKey OfDeposit(const std::string& request_id) {
    return {RequestKind::kDeposit, AccountId{}, request_id};
  }
  static RequestKey OfPayout(AccountId account, const std::string& request_id) {
    return {RequestKind::kPayout, account, request_id};
  }
  // An empty request id is none: nobody asked for that record.
  static RequestKey Of(const Task& task) {
    return OfTask(task.client, task.request_id);
  }
  static RequestKey Of(const Transfer& transfer) {
    return OfDeposit(transfer.request_id);
  }
  static RequestKey Of(const Payout& payout) {
    return OfPayout(payout.account, payout.request_id);
  }
  friend auto operator<=>(const RequestKey&, const RequestKey&) = default;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_RECORDS_REQUEST_KEY_H_
