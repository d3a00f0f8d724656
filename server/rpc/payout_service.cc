// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/payout_service.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/wire/fields.h"
#include "common/wire/request_limits.h"
#include "server/core/leaves/reward.h"
#include "server/rpc/records_to_proto.h"

namespace archpool::rpc {
namespace {

constexpr int64_t kAddressLengthMax = 200;
constexpr int64_t kTrialsExplainedMax = 100'000;
constexpr absl::Duration kRefusedLately = absl::Minutes(10);
constexpr absl::Duration kExplainedByDefault = absl::Hours(7 * 24);

absl::StatusOr<SetPayoutTerms> ReadTerms(
    AccountId caller, const v1::SetPayoutTermsRequest& request) {
  if (!request.address().empty()) {
    ARCHPOOL_RETURN_IF_ERROR(
        wire::CheckPrintable("address", request.address(), kAddressLengthMax));
  }
  if (request.address().find(' ') != std::string::npos) {
    return InvalidArgument("FIELD_MALFORMED",
                           "field address holds a space; leave it out");
  }
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckRange("threshold", request.threshold(), limits::kAmount));
  archpool::SetPayoutTerms command{.caller = caller};
  if (request.has_address()) command.address = request.address();
  if (request.has_threshold()) command.threshold = request.threshold();
  return command;
}

absl::StatusOr<SetRevenueSplit> ReadSplit(
    AccountId caller, const v1::SetRevenueSplitRequest& request) {
  if (request.clear() && !request.parts().empty()) {
    return InvalidArgument("FIELD_MALFORMED",
                           "field clear stands beside parts; leave out one of "
                           "the two");
  }
  archpool::SetRevenueSplit command{.caller = caller};
  for (const v1::RevenuePart& part : request.parts()) {
    ARCHPOOL_RETURN_IF_ERROR(
        wire::CheckName("parts.account_name", part.account_name()));
    command.parts.push_back({part.account_name(), part.share_ppm()});
  }
  return command;
}

absl::StatusOr<SetShareConsent> ReadConsent(
    AccountId caller, const v1::SetShareConsentRequest& request) {
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckName("account_name", request.account_name()));
  return archpool::SetShareConsent{.caller = caller,
                                   .account_name = request.account_name(),
                                   .is_given = request.is_given()};
}

absl::StatusOr<RequestPayout> ReadRequest(
    AccountId caller, const v1::RequestPayoutRequest& request) {
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckRange("amount", request.amount(), limits::kAmount));
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckPrintable(
      "request_id", request.request_id(), limits::kRequestIdLengthMax));
  return archpool::RequestPayout{.caller = caller,
                                 .amount = request.amount(),
                                 .request_id = request.request_id()};
}

absl::StatusOr<PayoutFilter> ReadFilter(const Account& caller,
                                        const v1::ListPayoutsRequest& request) {
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckRanges(
      "", {{"page_size", request.page_size(), limits::kPageSize},
           {"before_payout_id", request.before_payout_id(),
            limits::kNotNegative}}));
  PayoutFilter filter;
  if (caller.role != Role::kOperator) filter.account = caller.id;
  filter.open_only = request.open_only();
  filter.before = PayoutId{request.before_payout_id()};
  filter.limit =
      request.page_size() == 0 ? limits::kPageSizeDefault : request.page_size();
  return filter;
}

}  // namespace

grpc::ServerUnaryReactor* PayoutService::SetPayoutTerms(
    grpc::CallbackServerContext* context,
    const v1::SetPayoutTermsRequest* request,
    v1::SetPayoutTermsResponse* response) {
  return Serve(
      parts_.gate, context, "/archpool.v1.PayoutService/SetPayoutTerms",
      request, response, [this](const auto& call) {
        SubmitCommand<archpool::SetPayoutTerms>(
            parts_.engine, ReadTerms(call.caller.id, *call.request), call,
            [](const Account& account, v1::SetPayoutTermsResponse* to) {
              to->set_address(account.payout_address);
              to->set_threshold(account.payout_threshold);
            });
      });
}

grpc::ServerUnaryReactor* PayoutService::SetRevenueSplit(
    grpc::CallbackServerContext* context,
    const v1::SetRevenueSplitRequest* request,
    v1::SetRevenueSplitResponse* response) {
  return Serve(
      parts_.gate, context, "/archpool.v1.PayoutService/SetRevenueSplit",
      request, response, [this](const auto& call) {
        const auto show = [this](const Account& account,
                                 v1::SetRevenueSplitResponse* to) {
          for (const RevenuePart& part : account.split) {
            v1::RevenuePart* one = to->add_parts();
            one->set_account_name(parts_.accounts.NameOf(part.account));
            one->set_share_ppm(part.share_ppm);
            const auto named = parts_.accounts.Find(part.account);
            one->set_is_accepted(named && TakesFrom(*named, account.id));
          }
        };
        if (call.request->parts().empty() && !call.request->clear()) {
          show(call.caller, call.response);
          return call.finish(absl::OkStatus());
        }
        SubmitCommand<archpool::SetRevenueSplit>(
            parts_.engine, ReadSplit(call.caller.id, *call.request), call,
            show);
      });
}

grpc::ServerUnaryReactor* PayoutService::SetShareConsent(
    grpc::CallbackServerContext* context,
    const v1::SetShareConsentRequest* request,
    v1::SetShareConsentResponse* response) {
  return Serve(parts_.gate, context,
               "/archpool.v1.PayoutService/SetShareConsent", request, response,
               [this](const auto& call) {
                 const auto show = [this](const Account& account,
                                          v1::SetShareConsentResponse* to) {
                   for (const AccountId payer : account.shares_from) {
                     to->add_account_names(parts_.accounts.NameOf(payer));
                   }
                 };
                 if (call.request->account_name().empty()) {
                   show(call.caller, call.response);
                   return call.finish(absl::OkStatus());
                 }
                 SubmitCommand<archpool::SetShareConsent>(
                     parts_.engine, ReadConsent(call.caller.id, *call.request),
                     call, show);
               });
}

grpc::ServerUnaryReactor* PayoutService::RequestPayout(
    grpc::CallbackServerContext* context,
    const v1::RequestPayoutRequest* request,
    v1::RequestPayoutResponse* response) {
  return Serve(parts_.gate, context, "/archpool.v1.PayoutService/RequestPayout",
               request, response, [this](const auto& call) {
                 SubmitCommand<archpool::RequestPayout>(
                     parts_.engine, ReadRequest(call.caller.id, *call.request),
                     call, [](PayoutId payout, v1::RequestPayoutResponse* to) {
                       to->set_payout_id(payout.value);
                     });
               });
}

grpc::ServerUnaryReactor* PayoutService::ListPayouts(
    grpc::CallbackServerContext* context, const v1::ListPayoutsRequest* request,
    v1::ListPayoutsResponse* response) {
  return Serve(parts_.gate, context, "/archpool.v1.PayoutService/ListPayouts",
               request, response, [this](const auto& accepted) {
                 RunOn(parts_.executor, accepted,
                       [this](const auto& call) -> absl::Status {
                         ARCHPOOL_ASSIGN_OR_RETURN(
                             const PayoutFilter filter,
                             ReadFilter(call.caller, *call.request));
                         ARCHPOOL_ASSIGN_OR_RETURN(
                             const std::vector<Payout> payouts,
                             parts_.reader.Payouts(filter));
                         for (const Payout& payout : payouts) {
                           *call.response->add_payouts() =
                               ToProto(payout, parts_.accounts);
                         }
                         return absl::OkStatus();
                       });
               });
}

namespace {

// The tasks that some of its trials wait for: those that have not ended. Each
// is looked up once.
absl::Status AddUnsettled(Reader& reader, MinerRecords& records) {
  absl::btree_set<TaskId> seen;
  for (const Trial& trial : records.trials) {
    if (trial.pay != 0 || trial.state != TrialState::kAccepted ||
        !seen.insert(trial.task).second) {
      continue;
    }
    const absl::StatusOr<Task> task = reader.GetTask(trial.task);
    if (absl::IsNotFound(task.status())) continue;
    ARCHPOOL_RETURN_IF_ERROR(task.status());
    if (task->state == TaskState::kActive ||
        task->state == TaskState::kFinishing) {
      records.unsettled.insert(task->id);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<MinerRecords> PayoutService::RecordsFor(
    const Account& caller, const v1::ExplainRequest& request) {
  absl::Time since = parts_.clock.Now() - kExplainedByDefault;
  if (request.has_since_time()) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        since, wire::ReadTime("since_time", request.since_time()));
  }
  MinerRecords records;
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Account> accounts,
                            parts_.reader.Accounts());
  const std::string& name =
      request.account_name().empty() ? caller.name : request.account_name();
  const auto found =
      std::find_if(accounts.begin(), accounts.end(),
                   [&](const Account& one) { return one.name == name; });
  const bool may_ask = caller.role == Role::kOperator || name == caller.name;
  if (found == accounts.end() || !may_ask || found->role != Role::kMiner) {
    return NotFound("ACCOUNT_UNKNOWN",
                    absl::StrCat("there is no miner '", name,
                                 "' that you may ask about; name one"));
  }
  records.account = *found;
  ARCHPOOL_ASSIGN_OR_RETURN(
      records.trials,
      parts_.reader.TrialsOf(found->id, since, kTrialsExplainedMax));
  ARCHPOOL_ASSIGN_OR_RETURN(
      records.payouts,
      parts_.reader.Payouts({.account = found->id, .open_only = false}));
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Balance> balances,
                            parts_.reader.Balances());
  for (const Balance& balance : balances) {
    if (balance.place == Place::Of(found->id)) records.balance = balance.amount;
  }
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Owed> owed,
                            parts_.reader.OwedTo(found->id));
  for (const Owed& one : owed) records.owed += one.amount;
  ARCHPOOL_ASSIGN_OR_RETURN(
      const std::vector<Task> tasks,
      parts_.reader.Tasks(
          {.active_only = true, .limit = parts_.policy.open_tasks_max}));
  records.open_tasks = static_cast<int64_t>(tasks.size());
  ARCHPOOL_RETURN_IF_ERROR(AddUnsettled(parts_.reader, records));
  for (const WorkerRecord& worker : parts_.sessions.All()) {
    if (worker.account != found->id) continue;
    ++records.workers;
    if (worker.last_seen + parts_.policy.silence_term < parts_.clock.Now()) {
      ++records.silent_workers;
    } else if (!worker.idle_reason.empty()) {
      records.refusals.push_back(
          {worker.worker_name, worker.idle_reason, worker.idle_message});
    }
  }
  for (const RefusedWorker& one : parts_.sessions.RefusedOf(
           found->id, parts_.clock.Now() - kRefusedLately)) {
    records.refusals.push_back({one.worker_name, one.reason, one.message});
  }
  return records;
}

grpc::ServerUnaryReactor* PayoutService::Explain(
    grpc::CallbackServerContext* context, const v1::ExplainRequest* request,
    v1::ExplainResponse* response) {
  return Serve(parts_.gate, context, "/archpool.v1.PayoutService/Explain",
               request, response, [this](const auto& accepted) {
                 RunOn(parts_.executor, accepted,
                       [this](const auto& call) -> absl::Status {
                         ARCHPOOL_ASSIGN_OR_RETURN(
                             const MinerRecords records,
                             RecordsFor(call.caller, *call.request));
                         for (const Explanation& one :
                              archpool::Explain(parts_.policy, records)) {
                           v1::Explanation* to =
                               call.response->add_explanations();
                           to->set_reason(one.reason);
                           to->set_message(one.message);
                           to->set_advice(one.advice);
                           to->set_count(one.count);
                           to->set_trial_id(one.example.value);
                         }
                         return absl::OkStatus();
                       });
               });
}

}  // namespace archpool::rpc
