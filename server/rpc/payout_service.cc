#include "server/rpc/payout_service.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/wire/fields.h"
#include "server/rpc/records_to_proto.h"

namespace archpool::rpc {
namespace {

constexpr int64_t kRequestIdLengthMax = 64;
constexpr int64_t kAddressLengthMax = 200;
constexpr int64_t kPageSizeMax = 1000;
constexpr int64_t kPageSizeDefault = 100;

absl::StatusOr<SetPayoutTerms> ReadTerms(
    AccountId caller, const v1::SetPayoutTermsRequest& request) {
  if (!request.address().empty()) {
    ARCHPOOL_RETURN_IF_ERROR(
        wire::CheckPrintable("address", request.address(), kAddressLengthMax));
  }
  if (request.address().find(' ') != std::string::npos) {
    return InvalidArgument("FIELD_MALFORMED",
                           "Field address holds a space; leave it out.");
  }
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckRange("threshold", request.threshold(), 0, kAmountMax));
  return archpool::SetPayoutTerms{.caller = caller,
                                  .address = request.address(),
                                  .threshold = request.threshold()};
}

absl::StatusOr<RequestPayout> ReadRequest(
    AccountId caller, const v1::RequestPayoutRequest& request) {
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckRange("amount", request.amount(), 0, kAmountMax));
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckPrintable(
      "request_id", request.request_id(), kRequestIdLengthMax));
  return archpool::RequestPayout{.caller = caller,
                                 .amount = request.amount(),
                                 .request_id = request.request_id()};
}

absl::StatusOr<PayoutFilter> ReadFilter(const Account& caller,
                                        const v1::ListPayoutsRequest& request) {
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckRanges(
      "", {{"page_size", request.page_size(), 0, kPageSizeMax},
           {"before_payout_id", request.before_payout_id(), 0, INT64_MAX}}));
  PayoutFilter filter;
  if (caller.role != Role::kOperator) filter.account = caller.id;
  filter.open_only = request.open_only();
  filter.before = PayoutId{request.before_payout_id()};
  filter.limit =
      request.page_size() == 0 ? kPageSizeDefault : request.page_size();
  return filter;
}

}  // namespace

grpc::ServerUnaryReactor* PayoutService::SetPayoutTerms(
    grpc::CallbackServerContext* context,
    const v1::SetPayoutTermsRequest* request,
    v1::SetPayoutTermsResponse* response) {
  return Serve(
      gate_, context, "/archpool.v1.PayoutService/SetPayoutTerms", request,
      response, [this](const auto& call) {
        SubmitCommand<archpool::SetPayoutTerms>(
            engine_, ReadTerms(call.caller.id, *call.request), call,
            [](const Account& account, v1::SetPayoutTermsResponse* to) {
              to->set_address(account.payout_address);
              to->set_threshold(account.payout_threshold);
            });
      });
}

grpc::ServerUnaryReactor* PayoutService::RequestPayout(
    grpc::CallbackServerContext* context,
    const v1::RequestPayoutRequest* request,
    v1::RequestPayoutResponse* response) {
  return Serve(gate_, context, "/archpool.v1.PayoutService/RequestPayout",
               request, response, [this](const auto& call) {
                 SubmitCommand<archpool::RequestPayout>(
                     engine_, ReadRequest(call.caller.id, *call.request), call,
                     [](PayoutId payout, v1::RequestPayoutResponse* to) {
                       to->set_payout_id(payout.value);
                     });
               });
}

grpc::ServerUnaryReactor* PayoutService::ListPayouts(
    grpc::CallbackServerContext* context, const v1::ListPayoutsRequest* request,
    v1::ListPayoutsResponse* response) {
  return Serve(
      gate_, context, "/archpool.v1.PayoutService/ListPayouts", request,
      response, [this](const auto& accepted) {
        RunOn(executor_, accepted, [this](const auto& call) -> absl::Status {
          ARCHPOOL_ASSIGN_OR_RETURN(const PayoutFilter filter,
                                    ReadFilter(call.caller, *call.request));
          ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<Payout> payouts,
                                    reader_.Payouts(filter));
          for (const Payout& payout : payouts) {
            *call.response->add_payouts() = ToProto(payout, accounts_);
          }
          return absl::OkStatus();
        });
      });
}

}  // namespace archpool::rpc
