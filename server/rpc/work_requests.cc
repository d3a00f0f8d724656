// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/work_requests.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/model/limits.h"
#include "common/wire/api_version.h"
#include "common/wire/fields.h"
#include "common/wire/proof_wire.h"
#include "common/wire/request_limits.h"
#include "common/wire/words.h"
#include "common/wire/work_wire.h"

namespace archpool::rpc {
namespace {

absl::StatusOr<std::vector<LeaseId>> ReadLeases(
    const std::string& path,
    const google::protobuf::RepeatedField<int64_t>& ids) {
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckCount(path, ids.size(), limits::kLeasesNamedMax));
  std::vector<LeaseId> leases;
  for (int i = 0; i < ids.size(); ++i) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        const LeaseId lease,
        wire::ReadId<LeaseId>(wire::At(path, i), ids.Get(i)));
    leases.push_back(lease);
  }
  return leases;
}

absl::StatusOr<TrialReport> ReadReport(const std::string& path,
                                       const v1::TrialReport& proto) {
  TrialReport report;
  ARCHPOOL_ASSIGN_OR_RETURN(
      report.trial,
      wire::ReadId<TrialId>(wire::Join(path, "trial_id"), proto.trial_id()));
  ARCHPOOL_ASSIGN_OR_RETURN(report.weights_digest,
                            wire::ReadDigest(wire::Join(path, "weights_digest"),
                                             proto.weights_digest()));
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckRanges(
      path,
      {{"weights_size_bytes", proto.weights_size_bytes(),
        limits::kWeightsSizeBytes},
       {"validation_correct",
        proto.validation_correct(),
        {0, limits::kImages.max}},
       {"diverged_at_step", proto.diverged_at_step(), limits::kNotNegative}}));
  ARCHPOOL_ASSIGN_OR_RETURN(
      report.train_time,
      wire::ReadDuration(wire::Join(path, "train_time"), proto.train_time(),
                         limits::kTrainTime));
  report.weights_size_bytes = proto.weights_size_bytes();
  report.validation_correct = proto.validation_correct();
  if (proto.has_diverged_at_step()) {
    report.diverged_at_step = proto.diverged_at_step();
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      report.checkpoint_root,
      wire::ReadDigest(wire::Join(path, "checkpoint_root"),
                       proto.checkpoint_root()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      report.final_optimizer,
      wire::ReadDigest(wire::Join(path, "final_optimizer_digest"),
                       proto.final_optimizer_digest()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      report.final_proof, wire::ProofFromProto(wire::Join(path, "final_proof"),
                                               proto.final_proof()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      report.signature,
      wire::ReadSignature(wire::Join(path, "signature"), proto.signature()));
  return report;
}

}  // namespace

absl::StatusOr<OpenSession> ReadOpenSession(
    AccountId caller, const v1::OpenSessionRequest& request) {
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckClientVersion(request.client_version()));
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckName("worker_name", request.worker_name()));
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckRange("threads", request.threads(), limits::kThreads));
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckPrintable(
      "arithmetic", request.arithmetic(), limits::kArithmeticLengthMax));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const PublicKey key,
      wire::ReadPublicKey("public_key", request.public_key()));
  return archpool::OpenSession{.caller = caller,
                               .worker_name = request.worker_name(),
                               .threads = request.threads(),
                               .arithmetic = request.arithmetic(),
                               .key = key};
}

absl::StatusOr<Poll<AcquireLease>> ReadAcquireLease(
    AccountId caller, const v1::AcquireLeaseRequest& request) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const SessionId session,
      wire::ReadId<SessionId>("session_id", request.session_id()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const absl::Duration wait,
      wire::ReadDuration("wait", request.wait(), limits::kWait));
  ARCHPOOL_ASSIGN_OR_RETURN(
      std::vector<LeaseId> holding,
      ReadLeases("holding_lease_ids", request.holding_lease_ids()));
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckRanges(
      "", {{"price_min_micros", request.price_min_micros(), limits::kAmount},
           {"upload_bytes_per_second", request.upload_bytes_per_second(),
            limits::kNotNegative},
           {"memory_bytes", request.memory_bytes(), limits::kNotNegative},
           {"checkpoints_bytes", request.checkpoints_bytes(),
            limits::kNotNegative}}));
  return Poll<AcquireLease>{
      {.caller = caller,
       .session = session,
       .holding = std::move(holding),
       .price_min = request.price_min_micros(),
       .means = {.upload_bytes_per_second = request.upload_bytes_per_second(),
                 .memory_bytes = request.memory_bytes(),
                 .checkpoints_bytes = request.checkpoints_bytes()}},
      wait};
}

absl::StatusOr<ReportTrials> ReadReportTrials(
    AccountId caller, const v1::ReportTrialsRequest& request) {
  archpool::ReportTrials command{.caller = caller};
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.session,
      wire::ReadId<SessionId>("session_id", request.session_id()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.lease, wire::ReadId<LeaseId>("lease_id", request.lease_id()));
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckRange("attempt", request.attempt(), limits::kPositive));
  command.attempt = request.attempt();
  if (request.reports().empty()) return wire::RequiredError("reports");
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckCount("reports", request.reports_size(),
                                            limits::kReports.max));
  for (int i = 0; i < request.reports_size(); ++i) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        TrialReport report,
        ReadReport(wire::At("reports", i), request.reports(i)));
    command.reports.push_back(std::move(report));
  }
  return command;
}

absl::StatusOr<RevealSegment> ReadRevealSegment(
    AccountId caller, const v1::RevealSegmentRequest& request) {
  RevealSegment command{.caller = caller};
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.trial, wire::ReadId<TrialId>("trial_id", request.trial_id()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.opening, wire::OpeningFromProto("opening", request.opening()));
  return command;
}

absl::StatusOr<ReviewTrials> ReadReviewTrials(
    AccountId caller, const v1::HeartbeatRequest& request) {
  archpool::ReviewTrials command{.caller = caller,
                                 .session = SessionId{request.session_id()}};
  const auto& ids = request.kept().trial_ids();
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckCount("kept.trial_ids", ids.size(), limits::kTrialsKeptMax));
  for (int i = 0; i < ids.size(); ++i) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        const TrialId trial,
        wire::ReadId<TrialId>(wire::At("kept.trial_ids", i), ids.Get(i)));
    command.kept.push_back(trial);
  }
  return command;
}

absl::StatusOr<ReleaseLease> ReadReleaseLease(
    AccountId caller, const v1::ReleaseLeaseRequest& request) {
  archpool::ReleaseLease command{.caller = caller};
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.session,
      wire::ReadId<SessionId>("session_id", request.session_id()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      command.lease, wire::ReadId<LeaseId>("lease_id", request.lease_id()));
  ARCHPOOL_RETURN_IF_ERROR(
      wire::CheckRange("attempt", request.attempt(), limits::kPositive));
  command.attempt = request.attempt();
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckCount("impossible_trial_ids",
                                            request.impossible_trial_ids_size(),
                                            limits::kReports.max));
  for (int i = 0; i < request.impossible_trial_ids_size(); ++i) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        const TrialId trial,
        wire::ReadId<TrialId>(wire::At("impossible_trial_ids", i),
                              request.impossible_trial_ids(i)));
    command.impossible.push_back(trial);
  }
  return command;
}

absl::StatusOr<WorkerProgress> ReadProgress(
    const v1::HeartbeatRequest& request) {
  ARCHPOOL_RETURN_IF_ERROR(
      wire::ReadId<SessionId>("session_id", request.session_id()).status());
  ARCHPOOL_RETURN_IF_ERROR(
      ReadLeases("lease_ids", request.lease_ids()).status());
  ARCHPOOL_RETURN_IF_ERROR(wire::CheckRanges(
      "", {{"trial_id", request.trial_id(), limits::kNotNegative},
           {"step", request.step(), limits::kNotNegative},
           {"steps", request.steps(), limits::kNotNegative}}));
  // What a later worker does, and this server has no word for, is not said.
  return WorkerProgress{
      .activity = wire::FromProto<WorkerActivity>(request.activity()),
      .trial = TrialId{request.trial_id()},
      .step = request.step(),
      .steps = request.steps()};
}

}  // namespace archpool::rpc
