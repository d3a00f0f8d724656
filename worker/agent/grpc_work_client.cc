// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/grpc_work_client.h"

#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "common/wire/api_version.h"
#include "common/wire/fields.h"
#include "common/wire/proof_wire.h"
#include "common/wire/words.h"

namespace archpool {
namespace {

using Stub = v1::WorkService::Stub;

constexpr int64_t kTermsLengthMax = 2'000;
// What a server may ask for; a busy one asks for fewer heartbeats.
constexpr Range<absl::Duration> kHeartbeatInterval{absl::Milliseconds(100),
                                                   absl::Hours(1)};

TrialClaim ClaimOf(const TrialCommitment& commitment) {
  return {.trial = commitment.trial,
          .lease = commitment.lease,
          .attempt = commitment.attempt,
          .checkpoint_root = commitment.checkpoint_root,
          .weights = commitment.weights_digest,
          .weights_size_bytes = commitment.weights_size_bytes,
          .validation_correct = commitment.validation_correct,
          .diverged_at_step = commitment.diverged_at_step};
}

absl::StatusOr<AskedSegment> ReadAsked(
    const v1::HeartbeatResponse::Asked& proto) {
  AskedSegment asked;
  const v1::AuditRequest& request = proto.request();
  ARCHPOOL_ASSIGN_OR_RETURN(
      asked.trial,
      wire::ReadId<TrialId>("request.trial_id", request.trial_id()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const absl::Duration left,
      wire::ReadLeft("request.deadline_left", request.has_deadline_left(),
                     request.deadline_left()));
  asked.left = Countdown(left);
  ARCHPOOL_ASSIGN_OR_RETURN(
      asked.waited,
      wire::ReadDuration("request.waited", request.waited(),
                         {absl::ZeroDuration(), absl::InfiniteDuration()}));
  ARCHPOOL_ASSIGN_OR_RETURN(asked.lease, wire::LeaseFromProto(proto.lease()));
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckRange("request.segment", request.segment(),
                       {0, asked.lease.recipe.segments - 1}));
  asked.segment = request.segment();
  if (asked.lease.assignments.size() == 1 &&
      asked.lease.assignments[0].trial == asked.trial) {
    return asked;
  }
  return Internal("AUDIT_MALFORMED",
                  "the server asks for a segment of another trial than it "
                  "describes");
}

}  // namespace

GrpcWorkClient::GrpcWorkClient(const Remote& remote, const Remote& bulk,
                               WorkerIdentity identity,
                               std::stop_token last_calls)
    : remote_(remote),
      identity_(std::move(identity)),
      last_calls_(std::move(last_calls)),
      stub_(v1::WorkService::NewStub(remote.channel())),
      blobs_(bulk) {}

absl::StatusOr<OpenedSession> GrpcWorkClient::OpenSession() {
  v1::OpenSessionRequest request;
  request.set_worker_name(identity_.name);
  request.set_threads(identity_.threads);
  request.set_arithmetic(identity_.arithmetic);
  request.set_public_key(identity_.key.public_key().AsBytes());
  request.set_client_version(wire::kOwnVersion);
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::OpenSessionResponse response,
      remote_.Call(*stub_, &Stub::OpenSession, request, {.stop = last_calls_}));
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckServerVersion(response.server_version()));
  OpenedSession opened;
  ARCHPOOL_ASSIGN_OR_RETURN(
      opened.session,
      wire::ReadId<SessionId>("session_id", response.session_id()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      opened.heartbeat_interval,
      wire::ReadDuration("heartbeat_interval", response.heartbeat_interval(),
                         kHeartbeatInterval));
  if (response.has_server_time()) {
    const auto time = wire::ReadTime("server_time", response.server_time());
    if (time.ok()) opened.clock_skew = absl::Now() - *time;
  }
  if (wire::CheckPrintable("terms", response.terms(), kTermsLengthMax).ok()) {
    opened.terms = response.terms();
  }
  return opened;
}

absl::StatusOr<AcquiredLease> GrpcWorkClient::AcquireLease(
    SessionId session, const std::vector<LeaseId>& holding, absl::Duration wait,
    const std::stop_token& stop) {
  v1::AcquireLeaseRequest request;
  request.set_session_id(session.value);
  *request.mutable_wait() = wire::ToProto(wait);
  request.set_price_min_micros(identity_.price_min);
  if (const int64_t speed = blobs_.upload_bytes_per_second(); speed > 0) {
    request.set_upload_bytes_per_second(speed);
  }
  if (identity_.memory_bytes > 0) {
    request.set_memory_bytes(identity_.memory_bytes);
  }
  if (const int64_t bytes = checkpoints_bytes_; bytes > 0) {
    request.set_checkpoints_bytes(bytes);
  }
  for (const LeaseId lease : holding) {
    request.add_holding_lease_ids(lease.value);
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      v1::AcquireLeaseResponse response,
      remote_.Call(*stub_, &Stub::AcquireLease, request,
                   {.deadline = wait + kCallDeadline, .stop = stop}));
  AcquiredLease acquired;
  acquired.idle_reason = response.idle_reason();
  acquired.idle_message = response.idle_message();
  if (!response.has_lease()) return acquired;
  absl::StatusOr<wire::WorkLease> lease =
      wire::LeaseFromProto(response.lease());
  if (!lease.ok()) {
    // Another worker may understand it: it need not wait for the term to end.
    ReleaseLease(session, LeaseId{response.lease().lease_id()},
                 response.lease().attempt(), {})
        .IgnoreError();
    return lease.status();
  }
  acquired.lease = *std::move(lease);
  return acquired;
}

absl::StatusOr<HeartbeatReply> GrpcWorkClient::Heartbeat(
    SessionId session, const HeartbeatReport& report) {
  v1::HeartbeatRequest request;
  request.set_session_id(session.value);
  for (const LeaseId lease : report.leases) {
    request.add_lease_ids(lease.value);
  }
  request.set_activity(wire::ToProto<v1::WorkerActivity>(report.activity));
  if (report.trial.IsSet()) request.set_trial_id(report.trial.value);
  request.set_step(report.step);
  request.set_steps(report.steps);
  request.mutable_kept();
  for (const TrialId trial : report.kept) {
    request.mutable_kept()->add_trial_ids(trial.value);
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::HeartbeatResponse response,
      remote_.Call(*stub_, &Stub::Heartbeat, request, {.stop = last_calls_}));
  HeartbeatReply reply;
  for (const int64_t lease : response.ended_lease_ids()) {
    reply.ended.push_back(LeaseId{lease});
  }
  for (const int64_t trial : response.withdrawn_trial_ids()) {
    reply.withdrawn.push_back(TrialId{trial});
  }
  for (const int64_t trial : response.settled_trial_ids()) {
    reply.settled.push_back(TrialId{trial});
  }
  for (const v1::HeartbeatResponse::Asked& asked : response.asked()) {
    absl::StatusOr<AskedSegment> segment = ReadAsked(asked);
    if (segment.ok()) {
      reply.asked.push_back(*std::move(segment));
    } else {
      // It must not cost the leases, which the rest of the answer keeps.
      LogWarn("audit_unreadable", "an audit's request cannot be read",
              "the trial is rejected if nobody answers: use a worker of the "
              "server's version",
              {{"error", segment.status()}});
    }
  }
  return reply;
}

absl::StatusOr<ReportReply> GrpcWorkClient::ReportTrial(
    SessionId session, const TrialCommitment& commitment,
    const wire::WorkLease* lease) {
  v1::ReportTrialsRequest request;
  request.set_session_id(session.value);
  request.set_lease_id(commitment.lease.value);
  request.set_attempt(commitment.attempt);
  v1::TrialReport& report = *request.add_reports();
  report.set_trial_id(commitment.trial.value);
  report.set_weights_digest(commitment.weights_digest.AsBytes());
  report.set_weights_size_bytes(commitment.weights_size_bytes);
  report.set_validation_correct(commitment.validation_correct);
  if (commitment.diverged_at_step) {
    report.set_diverged_at_step(*commitment.diverged_at_step);
  }
  *report.mutable_train_time() = wire::ToProto(commitment.train_time);
  report.set_checkpoint_root(commitment.checkpoint_root.AsBytes());
  report.set_final_optimizer_digest(commitment.final_optimizer.AsBytes());
  wire::SetProof(commitment.final_proof, report.mutable_final_proof());
  report.set_signature(
      identity_.key.Sign(CommitmentMessage(ClaimOf(commitment))).AsBytes());
  ARCHPOOL_ASSIGN_OR_RETURN(const v1::ReportTrialsResponse response,
                            remote_.Call(*stub_, &Stub::ReportTrials, request,
                                         {.stop = last_calls_}));
  if (response.results_size() != 1) {
    return Internal("REPORT_UNANSWERED",
                    "the server answered a report without its result");
  }
  const v1::ReportTrialsResponse::Result& result = response.results(0);
  if (!result.refusal_reason().empty()) {
    return FailedPrecondition(result.refusal_reason(),
                              result.refusal_message());
  }
  ReportReply reply{.appended = {},
                    .wants_weights = result.wants_weights(),
                    .is_audited = result.has_audit()};
  if (lease == nullptr) return reply;
  absl::StatusOr<std::vector<wire::WorkAssignment>> appended =
      wire::AppendedFromProto(response, *lease);
  // The report was taken; what cannot be read comes again with the lease, which
  // says so.
  if (appended.ok()) reply.appended = *std::move(appended);
  return reply;
}

absl::Status GrpcWorkClient::RevealSegment(TrialId trial,
                                           const Opening& opening) {
  v1::RevealSegmentRequest request;
  request.set_trial_id(trial.value);
  *request.mutable_opening() = wire::ToProto(opening);
  return remote_
      .Call(*stub_, &Stub::RevealSegment, request, {.stop = last_calls_})
      .status();
}

absl::Status GrpcWorkClient::UploadCheckpoint(TrialId trial,
                                              const UploadSource& file,
                                              const std::stop_token& stop) {
  v1::UploadPurpose purpose;
  purpose.mutable_trial_checkpoint()->set_trial_id(trial.value);
  return blobs_.Upload(file, purpose, nullptr, stop);
}

absl::Status GrpcWorkClient::ReleaseLease(
    SessionId session, LeaseId lease, int64_t attempt,
    const std::vector<TrialId>& impossible) {
  v1::ReleaseLeaseRequest request;
  request.set_session_id(session.value);
  request.set_lease_id(lease.value);
  request.set_attempt(attempt);
  for (const TrialId trial : impossible) {
    request.add_impossible_trial_ids(trial.value);
  }
  return remote_
      .Call(*stub_, &Stub::ReleaseLease, request, {.stop = last_calls_})
      .status();
}

absl::Status GrpcWorkClient::UploadWeights(TrialId trial,
                                           const UploadSource& weights,
                                           const std::stop_token& stop) {
  v1::UploadPurpose purpose;
  purpose.mutable_trial_weights()->set_trial_id(trial.value);
  return blobs_.Upload(weights, purpose, nullptr, stop);
}

absl::Status GrpcWorkClient::ReadSplit(const Digest& dataset, WorkSplit split,
                                       int64_t offset_bytes,
                                       const BlobSink& sink,
                                       const std::stop_token& stop) {
  const v1::Split wire_split =
      split == WorkSplit::kTrain ? v1::SPLIT_TRAIN : v1::SPLIT_VALIDATION;
  return blobs_.ReadSplit(dataset, wire_split, offset_bytes, sink, stop);
}

absl::Status GrpcWorkClient::ReadWeights(TrialId trial, int64_t offset_bytes,
                                         const BlobSink& sink,
                                         const std::stop_token& stop) {
  return blobs_.ReadWeights(trial.value, offset_bytes, sink, stop);
}

}  // namespace archpool
