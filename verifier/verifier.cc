// SPDX-License-Identifier: Apache-2.0
#include "verifier/verifier.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/base/stop.h"
#include "common/channel/dataset_blob.h"
#include "common/data/read_file.h"
#include "common/log/log.h"
#include "verifier/finding_text.h"

namespace archpool {
namespace {

// Weights are examined once; a few are kept for audits that are tried again.
constexpr int64_t kWeightsCacheBytesMax = 256 << 20;
constexpr int64_t kNoteBytesMax = 256;

bool IsFinal(const absl::Status& status) {
  return absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status);
}

std::string NotePath(const VerifierOptions& options) {
  return absl::StrCat(options.work_dir, "/audit");
}

std::string NoteOf(const wire::AuditOrder& order) {
  return absl::StrCat(order.audit.ToString(), " attempt ", order.attempt, " ",
                      order.weights.ToString(), "\n");
}

std::string Describe(const AuditFinding& finding) {
  if (const auto* measured = std::get_if<WeightsMeasured>(&finding)) {
    if (!measured->measured_all)
      return "as committed, and the claim is credible";
    return absl::StrCat("as committed, ", measured->validation_correct,
                        " validation and ", measured->held_out_correct,
                        " held-out correct");
  }
  return ToText(finding);
}

}  // namespace

Verifier::Verifier(AuditClient& client, Examiner& examiner,
                   const VerifierOptions& options)
    : client_(client),
      examiner_(examiner),
      options_(options),
      splits_(absl::StrCat(options.work_dir, "/splits"),
              options.cache_bytes_max),
      weights_(absl::StrCat(options.work_dir, "/weights"),
               kWeightsCacheBytesMax),
      doubt_(options.doubt_pause) {}

absl::Status Verifier::Run(const std::stop_token& stop) {
  Backoff backoff(options_.retry);
  std::string said;
  while (!stop.stop_requested()) {
    const absl::StatusOr<std::optional<wire::AuditOrder>> order =
        client_.AcquireAudit(options_.acquire_wait, stop);
    absl::Status status = order.status();
    if (order.ok() && order->has_value()) status = DoAudit(**order, stop);
    if (stop.stop_requested()) break;
    if (IsFinal(status)) return status;
    if (status.ok()) {
      backoff.Reset();
      said.clear();
      if (std::exchange(is_in_doubt_, false)) WaitOrStop(stop, doubt_.Next());
      continue;
    }
    if (said != GetReason(status)) {
      said = GetReason(status);
      LogWarn("no_audits", "this verifier gets no audits",
              "it keeps asking; do what the error says if it lasts",
              {{"error", status}});
    }
    WaitOrStop(stop, backoff.Next());
  }
  return absl::OkStatus();
}

absl::Status Verifier::DoAudit(const wire::AuditOrder& order,
                               const std::stop_token& stop) {
  const Patience patience{Countdown(order.expire_left), stop};
  const std::string note = NotePath(options_);
  AuditFinding finding = AuditInconclusive{"VERIFIER_CRASHED"};
  const Stopwatch watch;
  if (!HasCrashedOn(order)) {
    ARCHPOOL_RETURN_IF_ERROR(WriteFileDurably(note, NoteOf(order)));
    const std::jthread keeper([this, &order](const std::stop_token& ended) {
      KeepLease(order, ended);
    });
    finding = Find(order, patience);
  }
  std::error_code ignored;
  is_in_doubt_ = std::holds_alternative<AuditInconclusive>(finding);
  if (finding == AuditFinding(AuditInconclusive{"EVALUATIONS_DIFFER"})) {
    LogError("second_opinion_differs",
             "the kernels and LibTorch disagree about the same weights: one of "
             "them is wrong, and nothing is decided by it",
             "keep the weights of this digest and report it to archpool's "
             "developers",
             {{"audit_id", order.audit},
              {"trial_id", order.assignment.trial},
              {"weights", order.weights.ToString()}});
  }
  if (!is_in_doubt_) doubt_.Reset();
  if (is_in_doubt_ && stop.stop_requested()) {
    std::filesystem::remove(note, ignored);
    return absl::OkStatus();
  }
  const absl::Duration audit_time = watch.elapsed();
  const absl::StatusOr<AuditReply> reply =
      RetryWhileTransient(options_.audit_retry, stop, [&] {
        return client_.ReportAudit(order.audit, order.attempt, finding,
                                   audit_time);
      });
  std::filesystem::remove(note, ignored);
  if (reply.ok()) {
    LogInfo("audit_done", "an audit's finding is reported",
            {{"audit_id", order.audit},
             {"trial_id", order.assignment.trial},
             {"finding", Describe(finding)},
             {"trial_state", reply->trial_state},
             {"reason", reply->reason},
             {"audit_s", audit_time}});
    return absl::OkStatus();
  }
  if (GetReason(reply.status()) == "AUDIT_SUPERSEDED") {
    LogWarn("audit_superseded",
            "an audit took too long, and another verifier has it now",
            "give this verifier a faster machine or more --threads, if it "
            "repeats",
            {{"audit_id", order.audit}, {"audit_s", audit_time}});
    return absl::OkStatus();
  }
  return reply.status();
}

void Verifier::KeepLease(const wire::AuditOrder& order,
                         const std::stop_token& stop) {
  while (WaitOrStop(stop, order.renewal_interval), !stop.stop_requested()) {
    const absl::Status renewed =
        client_.RenewAudit(order.audit, order.attempt, stop);
    if (absl::IsNotFound(renewed) || absl::IsFailedPrecondition(renewed)) {
      return;  // the report will be told
    }
  }
}

AuditFinding Verifier::Find(const wire::AuditOrder& order,
                            const Patience& patience) {
  const int64_t size_bytes_max =
      WeightsLimitsOf(order.assignment.plan).bytes_max;
  const CheckpointFiles& begin = order.opening.begin;
  if (std::max({order.weights_size_bytes, begin.weights_size_bytes,
                begin.optimizer_size_bytes}) > size_bytes_max) {
    return WeightsUnusable{"WEIGHTS_TOO_LARGE"};
  }
  const absl::StatusOr<AuditFiles> files = FetchAll(order, patience.stop);
  if (!files.ok()) {
    LogWarn("audit_files_missing", "an audit lacks files that it needs",
            "the pool gives it to another verifier; if it repeats here, check "
            "the disk of --work-dir and the network",
            {{"audit_id", order.audit}, {"error", files.status()}});
    const std::string reason = GetReason(files.status());
    return AuditInconclusive{reason.empty() ? "FETCH_FAILED" : reason};
  }
  return examiner_.Examine(order, *files, *loaded_, patience);
}

absl::StatusOr<std::string> Verifier::Fetch(const Digest& digest,
                                            int64_t size_bytes,
                                            const BlobReader& read,
                                            const std::stop_token& stop) {
  return RetryWhileTransient(options_.audit_retry, stop, [&] {
    return weights_.Get(digest, size_bytes, read);
  });
}

absl::StatusOr<AuditFiles> Verifier::FetchAll(const wire::AuditOrder& order,
                                              const std::stop_token& stop) {
  ARCHPOOL_RETURN_IF_ERROR(LoadData(order, stop));
  const wire::WorkAssignment& assignment = order.assignment;
  const auto weights_of = [this, &stop](TrialId trial) {
    return [this, &stop, trial](int64_t offset_bytes, const BlobSink& sink) {
      return client_.ReadWeights(trial, offset_bytes, sink, stop);
    };
  };
  AuditFiles files;
  if (order.only_evaluates) {
    ARCHPOOL_ASSIGN_OR_RETURN(files.weights,
                              Fetch(order.weights, order.weights_size_bytes,
                                    weights_of(assignment.trial), stop));
    return files;
  }
  if (assignment.resumes.IsSet()) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        files.resumed,
        Fetch(assignment.initial_weights, assignment.initial_weights_size_bytes,
              weights_of(assignment.resumes), stop));
  }
  if (order.is_whole) return files;
  ARCHPOOL_ASSIGN_OR_RETURN(files.weights,
                            Fetch(order.weights, order.weights_size_bytes,
                                  weights_of(assignment.trial), stop));
  if (order.segment == 0) return files;
  const auto part = [&](CheckpointPart which) {
    return [this, &stop, which, trial = assignment.trial](
               int64_t offset_bytes, const BlobSink& sink) {
      return client_.ReadCheckpoint(trial, which, offset_bytes, sink, stop);
    };
  };
  const CheckpointFiles& begin = order.opening.begin;
  ARCHPOOL_ASSIGN_OR_RETURN(files.begin_weights,
                            Fetch(begin.weights, begin.weights_size_bytes,
                                  part(CheckpointPart::kWeights), stop));
  ARCHPOOL_ASSIGN_OR_RETURN(files.begin_optimizer,
                            Fetch(begin.optimizer, begin.optimizer_size_bytes,
                                  part(CheckpointPart::kOptimizer), stop));
  return files;
}

absl::Status Verifier::LoadData(const wire::AuditOrder& order,
                                const std::stop_token& stop) {
  if (loaded_ != nullptr && loaded_dataset_ == order.dataset &&
      loaded_held_out_ == order.held_out) {
    return absl::OkStatus();
  }
  // Two datasets need not fit into memory at once.
  loaded_ = nullptr;
  const DatasetManifest& manifest = order.manifest;
  const auto get = [&](AuditSplit split, const SplitBlob& blob) {
    return RetryWhileTransient(options_.audit_retry, stop, [&] {
      return GetDatasetBlob(splits_, blob, manifest.shape, manifest.classes,
                            [&](int64_t offset_bytes, const BlobSink& sink) {
                              return client_.ReadSplit(order.dataset, split,
                                                       offset_bytes, sink,
                                                       stop);
                            });
    });
  };
  auto data = std::make_unique<AuditData>();
  ARCHPOOL_ASSIGN_OR_RETURN(
      data->train,
      get(AuditSplit::kTrain, {manifest.train, manifest.train_count}));
  ARCHPOOL_ASSIGN_OR_RETURN(
      data->validation, get(AuditSplit::kValidation,
                            {manifest.validation, manifest.validation_count}));
  ARCHPOOL_ASSIGN_OR_RETURN(
      data->held_out,
      get(AuditSplit::kHeldOut, {order.held_out, manifest.held_out_count}));
  loaded_ = std::move(data);
  loaded_dataset_ = order.dataset;
  loaded_held_out_ = order.held_out;
  return absl::OkStatus();
}

bool Verifier::HasCrashedOn(const wire::AuditOrder& order) const {
  const absl::StatusOr<std::string> note =
      ReadFile(NotePath(options_), kNoteBytesMax);
  return note.ok() && *note == NoteOf(order);
}

}  // namespace archpool
