// SPDX-License-Identifier: Apache-2.0
#include "common/wire/work_wire.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/wire/fields.h"
#include "common/wire/proof_wire.h"
#include "common/wire/request_limits.h"
#include "common/wire/search_space_wire.h"
#include "common/wire/task_spec_wire.h"

namespace archpool::wire {
namespace {

// Neither a storm of calls nor a lease that is lost before the first.
constexpr Range<absl::Duration> kRenewalInterval{absl::Milliseconds(50),
                                                 absl::Hours(24)};

struct NamedDataset {
  Digest id;
  DatasetManifest manifest;
};

absl::StatusOr<NamedDataset> ReadDataset(absl::string_view path,
                                         absl::string_view id_bytes,
                                         const v1::DatasetManifest& proto) {
  NamedDataset dataset;
  ARCHPOOL_ASSIGN_OR_RETURN(dataset.id,
                            ReadDigest(Join(path, "dataset_id"), id_bytes));
  ARCHPOOL_ASSIGN_OR_RETURN(dataset.manifest,
                            ManifestFromProto(Join(path, "manifest"), proto));
  if (dataset.manifest.Id() == dataset.id) return dataset;
  return InvalidArgument(
      "DATASET_MISMATCH",
      absl::StrCat("field ", Join(path, "manifest"),
                   " does not hash to dataset ", dataset.id.ToString(),
                   "; report this to the pool's operator"));
}

absl::Status ReadCheckpoint(const std::string& path,
                            const v1::LeaseGrant::Assignment& proto,
                            WorkAssignment& assignment) {
  ARCHPOOL_RETURN_IF_ERROR(
      CheckRange(Join(path, "rung"), proto.rung(), limits::kPositive));
  ARCHPOOL_ASSIGN_OR_RETURN(assignment.resumes,
                            ReadId<TrialId>(Join(path, "resumes_trial_id"),
                                            proto.resumes_trial_id()));
  ARCHPOOL_ASSIGN_OR_RETURN(assignment.initial_weights,
                            ReadDigest(Join(path, "initial_weights_digest"),
                                       proto.initial_weights_digest()));
  ARCHPOOL_RETURN_IF_ERROR(CheckRange(Join(path, "initial_weights_size_bytes"),
                                      proto.initial_weights_size_bytes(),
                                      limits::kWeightsSizeBytes));
  assignment.initial_weights_size_bytes = proto.initial_weights_size_bytes();
  return absl::OkStatus();
}

absl::StatusOr<WorkAssignment> ReadAssignment(
    const std::string& path, const v1::LeaseGrant::Assignment& proto,
    const SearchSpace& space, const DatasetManifest& manifest,
    const Recipe& recipe) {
  WorkAssignment assignment;
  ARCHPOOL_ASSIGN_OR_RETURN(
      assignment.trial,
      ReadId<TrialId>(Join(path, "trial_id"), proto.trial_id()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      assignment.architecture,
      ArchitectureFromProto(Join(path, "choices"), space, proto.choices()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      assignment.trial_key,
      ReadDigest(Join(path, "trial_key"), proto.trial_key()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      assignment.architecture_id,
      ReadDigest(Join(path, "architecture_id"), proto.architecture_id()));
  ARCHPOOL_RETURN_IF_ERROR(
      CheckRange(Join(path, "rung"), proto.rung(), {0, recipe.last_rung()}));
  assignment.rung = proto.rung();
  if (proto.has_resumes_trial_id()) {
    ARCHPOOL_RETURN_IF_ERROR(ReadCheckpoint(path, proto, assignment));
  }
  ARCHPOOL_ASSIGN_OR_RETURN(
      assignment.plan,
      MakeLayerPlan(space, assignment.architecture, manifest.shape,
                    manifest.classes, PlanLimits{}));
  if (ArchitectureIdOf(assignment.plan) == assignment.architecture_id) {
    return assignment;
  }
  return InvalidArgument(
      "ARCHITECTURE_MISMATCH",
      absl::StrCat("field ", path,
                   " makes another network here than at the pool; use a worker "
                   "of the pool's version"));
}

absl::StatusOr<std::vector<WorkAssignment>> ReadAssignments(
    const std::string& path,
    const google::protobuf::RepeatedPtrField<v1::LeaseGrant::Assignment>&
        protos,
    const WorkLease& lease) {
  ARCHPOOL_RETURN_IF_ERROR(
      CheckCount(path, protos.size(), limits::kAssignmentsMax));
  std::vector<WorkAssignment> assignments;
  for (int i = 0; i < protos.size(); ++i) {
    ARCHPOOL_ASSIGN_OR_RETURN(
        WorkAssignment assignment,
        ReadAssignment(At(path, i), protos.Get(i), lease.space, lease.manifest,
                       lease.recipe));
    assignments.push_back(std::move(assignment));
  }
  return assignments;
}

// What was committed to, and what of it is to be replayed.
absl::Status ReadProof(const v1::Audit& proto, AuditOrder& order) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      order.checkpoint_root,
      ReadDigest("audit.checkpoint_root", proto.checkpoint_root()));
  ARCHPOOL_ASSIGN_OR_RETURN(order.seed, ReadDigest("audit.seed", proto.seed()));
  ARCHPOOL_RETURN_IF_ERROR(CheckPrintable("audit.arithmetic",
                                          proto.arithmetic(),
                                          limits::kTrialArithmeticLengthMax));
  order.arithmetic = proto.arithmetic();
  order.is_whole = proto.is_whole();
  order.only_evaluates = proto.only_evaluates();
  order.measures_all = proto.measures_all();
  if (order.is_whole || order.only_evaluates) return absl::OkStatus();
  ARCHPOOL_RETURN_IF_ERROR(CheckRange("audit.segment", proto.segment(),
                                      {0, order.recipe.segments - 1}));
  order.segment = proto.segment();
  ARCHPOOL_ASSIGN_OR_RETURN(order.opening,
                            OpeningFromProto("audit.opening", proto.opening()));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<absl::Duration> ReadLeft(
    absl::string_view path, bool is_said,
    const google::protobuf::Duration& left) {
  if (!is_said) return absl::InfiniteDuration();
  return ReadDuration(path, left,
                      {absl::ZeroDuration(), absl::InfiniteDuration()});
}

absl::StatusOr<WorkLease> LeaseFromProto(const v1::LeaseGrant& proto) {
  WorkLease lease;
  ARCHPOOL_ASSIGN_OR_RETURN(
      lease.lease, ReadId<LeaseId>("lease.lease_id", proto.lease_id()));
  ARCHPOOL_ASSIGN_OR_RETURN(lease.task,
                            ReadId<TaskId>("lease.task_id", proto.task_id()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      lease.subspace,
      ReadId<SubspaceId>("lease.subspace_id", proto.subspace_id()));
  ARCHPOOL_RETURN_IF_ERROR(
      CheckRange("lease.attempt", proto.attempt(), limits::kPositive));
  lease.attempt = proto.attempt();
  lease.is_backup = proto.role() == v1::LEASE_ROLE_BACKUP;
  ARCHPOOL_ASSIGN_OR_RETURN(
      lease.expire_left, ReadLeft("lease.expire_left", proto.has_expire_left(),
                                  proto.expire_left()));
  ARCHPOOL_ASSIGN_OR_RETURN(lease.recipe, RecipeFromProto(proto.recipe()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const NamedDataset dataset,
      ReadDataset("lease", proto.dataset_id(), proto.manifest()));
  lease.dataset = dataset.id;
  lease.manifest = dataset.manifest;
  ARCHPOOL_ASSIGN_OR_RETURN(lease.space,
                            SearchSpaceFromProto("lease.space", proto.space()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      lease.assignments,
      ReadAssignments("lease.assignments", proto.assignments(), lease));
  ARCHPOOL_RETURN_IF_ERROR(CheckRange(
      "lease.trials_target", proto.trials_target(), limits::kNotNegative));
  lease.trials_target = proto.trials_target();
  ARCHPOOL_RETURN_IF_ERROR(
      CheckRange("lease.price_micros", proto.price_micros(), limits::kAmount));
  lease.price = proto.price_micros();
  return lease;
}

absl::StatusOr<std::vector<WorkAssignment>> AppendedFromProto(
    const v1::ReportTrialsResponse& proto, const WorkLease& lease) {
  return ReadAssignments("appended", proto.appended(), lease);
}

absl::StatusOr<AuditOrder> AuditFromProto(const v1::Audit& proto) {
  AuditOrder order;
  ARCHPOOL_ASSIGN_OR_RETURN(
      order.audit, ReadId<AuditId>("audit.audit_id", proto.audit_id()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      order.expire_left, ReadLeft("audit.expire_left", proto.has_expire_left(),
                                  proto.expire_left()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      order.renewal_interval,
      ReadDuration("audit.renewal_interval", proto.renewal_interval(),
                   kRenewalInterval));
  ARCHPOOL_ASSIGN_OR_RETURN(
      const NamedDataset dataset,
      ReadDataset("audit", proto.dataset_id(), proto.manifest()));
  order.dataset = dataset.id;
  order.manifest = dataset.manifest;
  ARCHPOOL_RETURN_IF_ERROR(
      CheckRanges("audit", {{"attempt", proto.attempt(), limits::kPositive},
                            {"weights_size_bytes", proto.weights_size_bytes(),
                             limits::kWeightsSizeBytes},
                            {"claimed_validation_correct",
                             proto.claimed_validation_correct(),
                             {0, order.manifest.validation_count}}}));
  order.attempt = proto.attempt();
  order.weights_size_bytes = proto.weights_size_bytes();
  order.claimed_validation_correct = proto.claimed_validation_correct();
  ARCHPOOL_ASSIGN_OR_RETURN(
      order.held_out,
      ReadDigest("audit.held_out_digest", proto.held_out_digest()));
  ARCHPOOL_ASSIGN_OR_RETURN(order.weights, ReadDigest("audit.weights_digest",
                                                      proto.weights_digest()));
  ARCHPOOL_ASSIGN_OR_RETURN(const SearchSpace space,
                            SearchSpaceFromProto("audit.space", proto.space()));
  ARCHPOOL_ASSIGN_OR_RETURN(order.recipe, RecipeFromProto(proto.recipe()));
  ARCHPOOL_ASSIGN_OR_RETURN(
      order.assignment, ReadAssignment("audit.assignment", proto.assignment(),
                                       space, order.manifest, order.recipe));
  if (proto.has_diverged_at_step()) {
    ARCHPOOL_RETURN_IF_ERROR(CheckRange("audit.diverged_at_step",
                                        proto.diverged_at_step(),
                                        limits::kNotNegative));
    order.diverged_at_step = proto.diverged_at_step();
  }
  ARCHPOOL_RETURN_IF_ERROR(ReadProof(proto, order));
  ARCHPOOL_ASSIGN_OR_RETURN(
      order.miner, ReadId<AccountId>("audit.account_id", proto.account_id()));
  order.serialized = proto.SerializeAsString();
  return order;
}

}  // namespace archpool::wire
