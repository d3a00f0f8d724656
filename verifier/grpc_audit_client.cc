// SPDX-License-Identifier: Apache-2.0
#include "verifier/grpc_audit_client.h"

#include <utility>

#include "absl/time/clock.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "common/wire/api_version.h"
#include "common/wire/fields.h"
#include "common/wire/words.h"

namespace archpool {
namespace {

using Stub = v1::VerificationService::Stub;

void SetFinding(const AuditFinding& finding, v1::ReportAuditRequest& request) {
  if (const auto* measured = std::get_if<WeightsMeasured>(&finding)) {
    request.mutable_measurement()->set_validation_correct(
        measured->validation_correct);
    request.mutable_measurement()->set_held_out_correct(
        measured->held_out_correct);
    request.mutable_measurement()->set_measured_all(measured->measured_all);
  } else if (const auto* refuted = std::get_if<TrainingRefuted>(&finding)) {
    request.set_refuted_reason(refuted->reason);
  } else if (const auto* unusable = std::get_if<WeightsUnusable>(&finding)) {
    request.set_unusable_reason(unusable->reason);
  } else {
    request.set_inconclusive_reason(
        std::get<AuditInconclusive>(finding).reason);
  }
}

}  // namespace

GrpcAuditClient::GrpcAuditClient(const Remote& remote,
                                 std::string verifier_name,
                                 std::vector<std::string> arithmetics,
                                 int64_t memory_bytes,
                                 std::stop_token last_calls)
    : remote_(remote),
      verifier_name_(std::move(verifier_name)),
      arithmetics_(std::move(arithmetics)),
      memory_bytes_(memory_bytes),
      last_calls_(std::move(last_calls)),
      blobs_(remote) {}

absl::StatusOr<std::optional<wire::AuditOrder>> GrpcAuditClient::AcquireAudit(
    absl::Duration wait, const std::stop_token& stop) {
  v1::AcquireAuditRequest request;
  request.set_verifier_name(verifier_name_);
  *request.mutable_wait() = wire::ToProto(wait);
  request.set_client_version(wire::kOwnVersion);
  request.set_memory_bytes(memory_bytes_);
  for (const std::string& arithmetic : arithmetics_) {
    request.add_arithmetics(arithmetic);
  }
  Stub stub(remote_.channel());
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::AcquireAuditResponse response,
      remote_.Call(stub, &Stub::AcquireAudit, request,
                   {.deadline = wait + kCallDeadline, .stop = stop}));
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckServerVersion(response.server_version()));
  SayClockSkew(response);
  if (!response.has_audit()) return std::nullopt;
  absl::StatusOr<wire::AuditOrder> order =
      wire::AuditFromProto(response.audit());
  if (order.ok()) return *std::move(order);
  // Another verifier, of another build, may understand it.
  ReportAudit(AuditId{response.audit().audit_id()}, response.audit().attempt(),
              AuditInconclusive{GetReason(order.status())},
              absl::ZeroDuration())
      .status()
      .IgnoreError();
  return order.status();
}

absl::Status GrpcAuditClient::RenewAudit(AuditId audit, int64_t attempt,
                                         const std::stop_token& stop) {
  v1::RenewAuditRequest request;
  request.set_audit_id(audit.value);
  request.set_attempt(attempt);
  request.set_verifier_name(verifier_name_);
  Stub stub(remote_.channel());
  return remote_.Call(stub, &Stub::RenewAudit, request, {.stop = stop})
      .status();
}

void GrpcAuditClient::SayClockSkew(const v1::AcquireAuditResponse& response) {
  if (!response.has_server_time() || has_said_skew_.exchange(true)) return;
  const auto time = wire::ReadTime("server_time", response.server_time());
  if (!time.ok()) return;
  const absl::Duration ahead = absl::Now() - *time;
  LogInfo("clock_compared",
          "this machine's clock was compared with the pool's; nothing is "
          "measured by it",
          {{"ahead_s", ahead}});
}

absl::StatusOr<AuditReply> GrpcAuditClient::ReportAudit(
    AuditId audit, int64_t attempt, const AuditFinding& finding,
    absl::Duration audit_time) {
  v1::ReportAuditRequest request;
  request.set_audit_id(audit.value);
  request.set_attempt(attempt);
  request.set_verifier_name(verifier_name_);
  *request.mutable_audit_time() = wire::ToProto(audit_time);
  SetFinding(finding, request);
  Stub stub(remote_.channel());
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::ReportAuditResponse response,
      remote_.Call(stub, &Stub::ReportAudit, request, {.stop = last_calls_}));
  return AuditReply{wire::WordOf(response.trial_state()), response.reason()};
}

absl::Status GrpcAuditClient::ReadSplit(const Digest& dataset, AuditSplit split,
                                        int64_t offset_bytes,
                                        const BlobSink& sink,
                                        const std::stop_token& stop) {
  const v1::Split wire_split = split == AuditSplit::kTrain ? v1::SPLIT_TRAIN
                               : split == AuditSplit::kValidation
                                   ? v1::SPLIT_VALIDATION
                                   : v1::SPLIT_HELD_OUT;
  return blobs_.ReadSplit(dataset, wire_split, offset_bytes, sink, stop);
}

absl::Status GrpcAuditClient::ReadWeights(TrialId trial, int64_t offset_bytes,
                                          const BlobSink& sink,
                                          const std::stop_token& stop) {
  return blobs_.ReadWeights(trial.value, offset_bytes, sink, stop);
}

absl::Status GrpcAuditClient::ReadCheckpoint(TrialId trial, CheckpointPart part,
                                             int64_t offset_bytes,
                                             const BlobSink& sink,
                                             const std::stop_token& stop) {
  return blobs_.ReadCheckpoint(trial.value, part == CheckpointPart::kOptimizer,
                               offset_bytes, sink, stop);
}

}  // namespace archpool
