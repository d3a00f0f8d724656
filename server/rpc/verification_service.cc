// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/verification_service.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "common/model/limits.h"
#include "common/wire/api_version.h"
#include "common/wire/fields.h"
#include "common/wire/proof_wire.h"
#include "common/wire/request_limits.h"
#include "common/wire/work_wire.h"
#include "server/rpc/long_poll.h"
#include "server/rpc/paging.h"
#include "server/rpc/records_to_proto.h"

namespace archpool::rpc {
namespace {

// Correct answers of one split: none may be right.
constexpr Range<int64_t> kCorrect{0, limits::kImages.max};

absl::StatusOr<std::vector<std::string>> ReadArithmetics(
    const wire::RepeatedBytes& proto) {
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckCount("arithmetics", proto.size(), limits::kArithmetics.max));
  for (int i = 0; i < proto.size(); ++i) {
    ARCHPOOL_RETURN_IF_ERROR(
        wire::CheckPrintable(wire::At("arithmetics", i), proto.Get(i),
                             limits::kTrialArithmeticLengthMax));
  }
  return std::vector<std::string>(proto.begin(), proto.end());
}

template <typename Request>
absl::Status CheckHeld(const Request& request) {
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckRange("attempt", request.attempt(), limits::kPositive));
  return wire::CheckName("verifier_name", request.verifier_name());
}

absl::StatusOr<RenewAudit> ReadRenewal(AccountId caller,
                                       const v1::RenewAuditRequest& request) {
  archpool::RenewAudit command{.caller = caller};
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.audit, wire::ReadId<AuditId>("audit_id", request.audit_id()));
  ARCHPOOL_RETURN_IF_ERROR(CheckHeld(request));
  command.attempt = request.attempt();
  command.verifier_name = request.verifier_name();
  return command;
}

absl::StatusOr<VoidTrial> ReadVoid(const v1::VoidTrialRequest& request,
                                   AccountId by) {
  archpool::VoidTrial command{.by = by};
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.trial, wire::ReadId<TrialId>("trial_id", request.trial_id()));
  return command;
}

v1::VerifierState StateOf(const ReviewVerifiers::Verifier& verifier) {
  if (!verifier.is_heard) return v1::VERIFIER_STATE_SILENT;
  if (verifier.is_set_aside) return v1::VERIFIER_STATE_SET_ASIDE;
  return verifier.is_failing ? v1::VERIFIER_STATE_FAILING
                             : v1::VERIFIER_STATE_WORKING;
}

void FillVerifier(const ReviewVerifiers::Verifier& verifier,
                  const AccountDirectory& accounts, absl::Time now,
                  v1::ListVerifiersResponse::Verifier* to) {
  to->set_account_name(accounts.NameOf(verifier.key.account));
  to->set_verifier_name(verifier.key.name);
  *to->mutable_silent_for() =
      wire::ToProto(std::clamp(now - verifier.standing.heard_time,
                               absl::ZeroDuration(), limits::kAuditTime.max));
  to->set_state(StateOf(verifier));
  to->set_failures_in_a_row(verifier.standing.failures_in_a_row);
  to->set_agreed(verifier.standing.record.agreed);
  to->set_outvoted(verifier.standing.record.outvoted);
  if (verifier.audit.IsSet()) to->set_audit_id(verifier.audit.value);
  to->set_alarms(verifier.standing.alarms);
  to->set_alarms_alone(verifier.standing.alarms_alone);
  to->set_planted_failed(verifier.standing.record.planted_failed);
}

void FillWaiting(const ReviewVerifiers::Reply& review,
                 v1::ListVerifiersResponse* to) {
  to->set_working(review.working);
  to->set_audits_waiting(review.waiting);
  *to->mutable_oldest_wait() = wire::ToProto(review.oldest);
  if (review.backlog != absl::InfiniteDuration()) {
    *to->mutable_backlog() = wire::ToProto(review.backlog);
  }
}

absl::StatusOr<ReportAudit> ReadReport(AccountId caller,
                                       const v1::ReportAuditRequest& request) {
  archpool::ReportAudit command{.caller = caller};
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.audit, wire::ReadId<AuditId>("audit_id", request.audit_id()));
  ARCHPOOL_RETURN_IF_ERROR(CheckHeld(request));
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.audit_time, wire::ReadDuration("audit_time", request.audit_time(),
                                             limits::kAuditTime));
  command.attempt = request.attempt();
  command.verifier_name = request.verifier_name();
  switch (request.finding_case()) {
    case v1::ReportAuditRequest::kMeasurement: {
      const auto& measured = request.measurement();
      ARCHPOOL_RETURN_IF_ERROR(wire::CheckRanges(
          "measurement",
          {{"validation_correct", measured.validation_correct(), kCorrect},
           {"held_out_correct", measured.held_out_correct(), kCorrect}}));
      command.finding =
          WeightsMeasured{measured.validation_correct(),
                          measured.held_out_correct(), measured.measured_all()};
      return command;
    }
    case v1::ReportAuditRequest::kRefutedReason:
      ARCHPOOL_RETURN_IF_ERROR(
          wire::CheckPrintable("refuted_reason", request.refuted_reason(),
                               limits::kFindingReasonLengthMax));
      command.finding = TrainingRefuted{request.refuted_reason()};
      return command;
    case v1::ReportAuditRequest::kUnusableReason:
      ARCHPOOL_RETURN_IF_ERROR(
          wire::CheckPrintable("unusable_reason", request.unusable_reason(),
                               limits::kFindingReasonLengthMax));
      command.finding = WeightsUnusable{request.unusable_reason()};
      return command;
    case v1::ReportAuditRequest::kInconclusiveReason:
      ARCHPOOL_RETURN_IF_ERROR(wire::CheckPrintable(
          "inconclusive_reason", request.inconclusive_reason(),
          limits::kFindingReasonLengthMax));
      command.finding = AuditInconclusive{request.inconclusive_reason()};
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
            wire::CheckClientVersion(request->client_version()));
        ARCHPOOL_RETURN_IF_ERROR(
            wire::CheckName("verifier_name", request->verifier_name()));
        v1::AcquireAuditResponse shared;
        ARCHPOOL_RETURN_IF_ERROR(wire::ShareFeatures(
            request->protocol_features(), shared.mutable_protocol_features()));
        ARCHPOOL_ASSIGN_OR_RETURN(
            const absl::Duration wait,
            wire::ReadDuration("wait", request->wait(), limits::kWait));
        ARCHPOOL_ASSIGN_OR_RETURN(std::vector<std::string> arithmetics,
                                  ReadArithmetics(request->arithmetics()));
        if (request->has_memory_bytes()) {
          ARCHPOOL_RETURN_IF_ERROR(wire::CheckRange(
              "memory_bytes", request->memory_bytes(), {0, INT64_MAX}));
        }
        return Poll<archpool::AcquireAudit>{
            {caller, request->verifier_name(), std::move(arithmetics),
             request->memory_bytes()},
            wait};
      },
      [this, request, response](const archpool::AcquireAudit::Reply& reply) {
        *response->mutable_server_time() = wire::ToProto(absl::Now());
        response->set_server_version(wire::kOwnVersion);
        response->clear_protocol_features();
        wire::ShareFeatures(request->protocol_features(),
                            response->mutable_protocol_features())
            .IgnoreError();
        if (reply) {
          *response->mutable_audit() = ToProto(*reply, clock_.Now());
        }
        return reply.has_value();
      });
}

grpc::ServerUnaryReactor* VerificationService::RenewAudit(
    grpc::CallbackServerContext* context, const v1::RenewAuditRequest* request,
    v1::RenewAuditResponse* response) {
  return Serve(gate_, context, "/archpool.v1.VerificationService/RenewAudit",
               request, response, [this](const auto& call) {
                 SubmitCommand<archpool::RenewAudit>(
                     engine_, ReadRenewal(call.caller.id, *call.request), call,
                     [](absl::Duration time_left, v1::RenewAuditResponse* to) {
                       *to->mutable_time_left() = wire::ToProto(time_left);
                     });
               });
}

grpc::ServerUnaryReactor* VerificationService::VoidTrial(
    grpc::CallbackServerContext* context, const v1::VoidTrialRequest* request,
    v1::VoidTrialResponse* response) {
  return Serve(
      gate_, context, "/archpool.v1.VerificationService/VoidTrial", request,
      response, [this](const auto& call) {
        LogInfo("trial_void_asked", "an operator voids a trial",
                {{"account", call.caller.name},
                 {"trial_id", call.request->trial_id()}});
        SubmitCommand<archpool::VoidTrial>(
            engine_, ReadVoid(*call.request, call.caller.id), call,
            [](const archpool::VoidTrial::Reply&, v1::VoidTrialResponse*) {});
      });
}

namespace {

// What a page begins behind.
std::string CursorOf(const VerifierKey& key) {
  return absl::StrCat(key.account.value, "/", key.name);
}

// nullopt: the first page.
std::optional<VerifierKey> KeyOf(absl::string_view cursor) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(cursor, absl::MaxSplits('/', 1));
  VerifierKey key{.account = {}, .name = std::string(parts.second)};
  if (!absl::SimpleAtoi(parts.first, &key.account.value)) return std::nullopt;
  return key;
}

}  // namespace

grpc::ServerUnaryReactor* VerificationService::ListVerifiers(
    grpc::CallbackServerContext* context,
    const v1::ListVerifiersRequest* request,
    v1::ListVerifiersResponse* response) {
  return Serve(gate_, context, "/archpool.v1.VerificationService/ListVerifiers",
               request, response, [this](const auto& call) {
                 absl::StatusOr<Page> asked =
                     Page::Read("ListVerifiers", "", *call.request);
                 if (!asked.ok()) return call.finish(asked.status());
                 SubmitCommand<ReviewVerifiers>(
                     engine_, ReviewVerifiers{}, call,
                     [this, asked = *asked](const ReviewVerifiers::Reply& reply,
                                            v1::ListVerifiersResponse* to) {
                       Page page = asked;
                       const std::optional<VerifierKey> after =
                           KeyOf(page.cursor());
                       FillWaiting(reply, to);
                       for (const auto& one : reply.verifiers) {
                         if (after && !(*after < one.key)) continue;
                         if (page.IsFull()) {
                           return to->set_next_page_token(page.NextToken());
                         }
                         auto* const verifier = to->add_verifiers();
                         FillVerifier(one, accounts_, clock_.Now(), verifier);
                         page.Add(verifier->ByteSizeLong(), CursorOf(one.key));
                       }
                     });
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
