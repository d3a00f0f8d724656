#include "server/rpc/verification_service.h"

#include <utility>

#include "common/base/status.h"
#include "common/wire/fields.h"
#include "server/rpc/long_poll.h"
#include "server/rpc/records_to_proto.h"

namespace archpool::rpc {
namespace {

constexpr absl::Duration kWaitMax = absl::Seconds(30);
constexpr int64_t kReasonLengthMax = 64;
constexpr int64_t kCountMax = 1'000'000'000;

absl::StatusOr<ReportAudit> ReadReport(AccountId caller,
                                       const v1::ReportAuditRequest& request) {
  archpool::ReportAudit command{.caller = caller};
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.audit, wire::ReadId<AuditId>("audit_id", request.audit_id()));
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckRange("attempt", request.attempt(), 1, INT64_MAX));
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckName("verifier_name", request.verifier_name()));
  command.attempt = request.attempt();
  command.verifier_name = request.verifier_name();
  switch (request.finding_case()) {
    case v1::ReportAuditRequest::kMeasurement: {
      const auto& measured = request.measurement();
      ARCHPOOL_RETURN_IF_ERROR(wire::CheckRanges(
          "measurement",
          {{"validation_correct", measured.validation_correct(), 0, kCountMax},
           {"held_out_correct", measured.held_out_correct(), 0, kCountMax}}));
      command.finding = Measurement{measured.validation_correct(),
                                    measured.held_out_correct()};
      return command;
    }
    case v1::ReportAuditRequest::kUnusableReason:
      ARCHPOOL_RETURN_IF_ERROR(wire::CheckPrintable(
          "unusable_reason", request.unusable_reason(), kReasonLengthMax));
      command.finding = Unusable{request.unusable_reason()};
      return command;
    case v1::ReportAuditRequest::kInconclusiveReason:
      ARCHPOOL_RETURN_IF_ERROR(wire::CheckPrintable(
          "inconclusive_reason", request.inconclusive_reason(),
          kReasonLengthMax));
      command.finding = Inconclusive{request.inconclusive_reason()};
      return command;
    case v1::ReportAuditRequest::FINDING_NOT_SET:
      break;
  }
  return wire::RequiredError("finding");
}

}  // namespace

grpc::ServerUnaryReactor* VerificationService::AcquireAudit(
    grpc::CallbackServerContext* context,
    const v1::AcquireAuditRequest* request,
    v1::AcquireAuditResponse* response) {
  return ServePoll<archpool::AcquireAudit>(
      gate_, context, "/archpool.v1.VerificationService/AcquireAudit", engine_,
      waiting_,
      [request](
          AccountId caller) -> absl::StatusOr<Poll<archpool::AcquireAudit>> {
        ARCHPOOL_RETURN_IF_ERROR(
            wire::CheckName("verifier_name", request->verifier_name()));
        ARCHPOOL_ASSIGN_OR_RETURN(
            const absl::Duration wait,
            wire::ReadDuration("wait", request->wait(), absl::ZeroDuration(),
                               kWaitMax));
        return Poll<archpool::AcquireAudit>{{caller, request->verifier_name()},
                                            wait};
      },
      [response](const archpool::AcquireAudit::Reply& reply) {
        if (reply) *response->mutable_audit() = ToProto(*reply);
        return reply.has_value();
      });
}

grpc::ServerUnaryReactor* VerificationService::ReportAudit(
    grpc::CallbackServerContext* context, const v1::ReportAuditRequest* request,
    v1::ReportAuditResponse* response) {
  return Serve(gate_, context, "/archpool.v1.VerificationService/ReportAudit",
               request, response, [this](const auto& call) {
                 SubmitCommand<archpool::ReportAudit>(
                     engine_, ReadReport(call.caller.id, *call.request), call,
                     [](const archpool::ReportAudit::Reply& reply,
                        v1::ReportAuditResponse* to) {
                       to->set_trial_state(ToProto(reply.state));
                       to->set_reason(reply.reason);
                     });
               });
}

}  // namespace archpool::rpc
