// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/payout_service.h"

#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/wire/fields.h"
#include "common/wire/request_limits.h"
#include "server/core/leaves/reward.h"
#include "server/rpc/paging.h"
#include "server/rpc/records_to_proto.h"

namespace archpool::rpc {
namespace {

absl::StatusOr<SetPayoutTerms> ReadTerms(
    AccountId caller, const v1::SetPayoutTermsRequest& request) {
  if (!request.address().empty()) {
    ARCHPOOL_RETURN_IF_ERROR(wire::CheckPrintable("address", request.address(),
                                                  limits::kAddressLengthMax));
  }
  if (request.address().find(' ') != std::string::npos) {
    return InvalidArgument("FIELD_MALFORMED",
                           "field address holds a space; leave it out");
  }
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckRange(
      "threshold_micros", request.threshold_micros(), limits::kAmount));
  archpool::SetPayoutTerms command{.caller = caller};
  if (request.has_address()) command.address = request.address();
  if (request.has_threshold_micros())
    command.threshold = request.threshold_micros();
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
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckRange(
      "amount_micros", request.amount_micros(),
      request.has_amount_micros() ? Range<int64_t>{1, limits::kAmount.max}
                                  : limits::kAmount));
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckPrintable(
      "request_id", request.request_id(), limits::kRequestIdLengthMax));
  return archpool::RequestPayout{.caller = caller,
                                 .amount = request.amount_micros(),
                                 .request_id = request.request_id()};
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
            [this](const Account& account, v1::SetPayoutTermsResponse* to) {
              to->set_address(account.payout_address);
              to->set_threshold_micros(account.payout_threshold);
              if (!account.next_address) return;
              to->set_next_address(account.next_address->address);
              *to->mutable_next_address_left() =
                  LeftToProto(account.next_address->time, parts_.clock.Now());
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
  return Serve(
      parts_.gate, context, "/archpool.v1.PayoutService/ListPayouts", request,
      response, [this](const auto& accepted) {
        RunOn(parts_.executor, accepted,
              [this](const auto& call) -> absl::Status {
                const v1::ListPayoutsRequest& asked = *call.request;
                ARCHPOOL_ASSIGN_OR_RETURN(
                    Page page,
                    Page::Read("ListPayouts", asked.open_only() ? "open" : "",
                               asked));
                PayoutFilter filter;
                if (call.caller.role != Role::kOperator) {
                  filter.account = call.caller.id;
                }
                filter.open_only = asked.open_only();
                filter.before = PayoutId{page.after_id()};
                filter.limit = page.limit();
                ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Payout> payouts,
                                          parts_.reader.Payouts(filter));
                FillPage(
                    page, payouts,
                    [&](const Payout& payout) -> const v1::Payout& {
                      return *call.response->add_payouts() =
                                 ToProto(payout, parts_.accounts);
                    },
                    [](const Payout& payout) { return payout.id.value; },
                    call.response);
                return absl::OkStatus();
              });
      });
}

}  // namespace archpool::rpc
