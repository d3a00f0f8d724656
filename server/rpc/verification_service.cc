#include "server/rpc/verification_service.h"

#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/wire/fields.h"
#include "common/wire/proof_wire.h"
#include "common/wire/work_wire.h"
#include "server/rpc/long_poll.h"
#include "server/rpc/records_to_proto.h"

namespace archpool::rpc {
namespace {

constexpr absl::Duration kWaitMax = absl::Seconds(30);
constexpr absl::Duration kAuditTimeMax = absl::Hours(24 * 365);
constexpr int64_t kHardwareClassesMax = 64;
constexpr int64_t kReasonLengthMax = 64;
constexpr int64_t kCountMax = 1'000'000'000;

absl::StatusOr<std::vector<std::string>> ReadClasses(
    const wire::RepeatedBytes& proto) {
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckCount("hardware_classes", proto.size(), kHardwareClassesMax));
  for (int i = 0; i < proto.size(); ++i) {
    ARCHPOOL_RETURN_IF_ERROR(
        wire::CheckPrintable(wire::At("hardware_classes", i), proto.Get(i),
                             wire::kHardwareClassLengthMax));
  }
  return std::vector<std::string>(proto.begin(), proto.end());
}

absl::StatusOr<ReportAudit> ReadReport(AccountId caller,
                                       const v1::ReportAuditRequest& request) {
  archpool::ReportAudit command{.caller = caller};
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.audit, wire::ReadId<AuditId>("audit_id", request.audit_id()));
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckRange("attempt", request.attempt(), 1, INT64_MAX));
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckName("verifier_name", request.verifier_name()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.audit_time,
      wire::ReadDuration("audit_time", request.audit_time(),
                         absl::ZeroDuration(), kAuditTimeMax));
  command.attempt = request.attempt();
  command.verifier_name = request.verifier_name();
  switch (request.finding_case()) {
    case v1::ReportAuditRequest::kMeasurement: {
      const auto& measured = request.measurement();
      ARCHPOOL_RETURN_IF_ERROR(wire::CheckRanges(
          "measurement",
          {{"validation_correct", measured.validation_correct(), 0, kCountMax},
           {"held_out_correct", measured.held_out_correct(), 0, kCountMax}}));
      command.finding =
          Measurement{measured.validation_correct(),
                      measured.held_out_correct(), !measured.is_partial()};
      return command;
    }
    case v1::ReportAuditRequest::kRefutedReason:
      ARCHPOOL_RETURN_IF_ERROR(wire::CheckPrintable(
          "refuted_reason", request.refuted_reason(), kReasonLengthMax));
      command.finding = Refuted{request.refuted_reason()};
      return command;
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
        ARCHPOOL_ASSIGN_OR_RETURN(std::vector<std::string> classes,
                                  ReadClasses(request->hardware_classes()));
        return Poll<archpool::AcquireAudit>{
            {caller, request->verifier_name(), std::move(classes)}, wait};
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
