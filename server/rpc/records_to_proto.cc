// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/records_to_proto.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/words.h"
#include "common/model/bonus_region.h"
#include "common/model/chance.h"
#include "common/model/receipt.h"
#include "common/wire/fields.h"
#include "common/wire/proof_wire.h"
#include "common/wire/search_space_wire.h"
#include "common/wire/task_spec_wire.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/generated_enum_reflection.h"

namespace archpool::rpc {
namespace {

// The value of a wire's enum that is called by the word, behind a prefix;
// words_test holds that each is there.
template <typename Proto, HasWords Enum>
Proto ByWord(Enum value, absl::string_view prefix) {
  static const auto* const kValues = [prefix] {
    const auto* const wire = google::protobuf::GetEnumDescriptor<Proto>();
    auto* const values = new std::vector<Proto>;
    for (const char* word : kWordsOf<Enum>) {
      const auto* const found = wire->FindValueByName(
          absl::StrCat(prefix, absl::AsciiStrToUpper(word)));
      ARCHPOOL_CHECK(found != nullptr);
      values->push_back(static_cast<Proto>(found->number()));
    }
    return values;
  }();
  return kValues->at(static_cast<size_t>(value));
}

// In millionths, rounded down.
int64_t AccuracyPpm(int64_t correct, int64_t count) {
  return count <= 0 ? kNotMeasured : correct * 1'000'000 / count;
}

void FillAccuracies(const Trial& trial, const DatasetManifest& manifest,
                    v1::Trial* proto) {
  const int64_t count = manifest.validation_count;
  proto->set_claimed_accuracy_ppm(
      trial.commitment ? AccuracyPpm(trial.commitment->claimed_correct, count)
                       : kNotMeasured);
  proto->set_measured_accuracy_ppm(
      trial.measured ? AccuracyPpm(trial.measured->validation_correct, count)
                     : kNotMeasured);
  proto->set_verified_accuracy_ppm(
      trial.verified_accuracy_ppm.value_or(kNotMeasured));
}

void FillSummary(const TaskSummary& summary, v1::Task* proto) {
  proto->set_trials_assigned(summary.trials_assigned);
  proto->set_trials_pending(summary.trials_pending);
  proto->set_trials_accepted(summary.trials_accepted);
  proto->set_trials_at_chance(summary.trials_at_chance);
  proto->set_trials_rejected(summary.trials_rejected);
  proto->set_trials_abandoned(summary.trials_abandoned);
  for (const auto& [reason, count] : summary.rejected_by_reason) {
    v1::ReasonCount* to = proto->add_rejected_by_reason();
    to->set_reason(reason);
    to->set_count(count);
  }
  proto->set_work_units_accepted(summary.work_units_accepted);
  proto->set_trials_known(summary.trials_known);
  proto->set_subspaces_explored(summary.subspaces_explored);
  *proto->mutable_training_time() = wire::ToProto(summary.training_time);
  *proto->mutable_audit_time() = wire::ToProto(summary.audit_time);
}

}  // namespace

v1::Role ToProto(Role role) { return ByWord<v1::Role>(role, "ROLE_"); }

std::optional<Role> RoleFromProto(v1::Role role) {
  for (size_t i = 0; i < kCountOf<Role>; ++i) {
    const auto known = static_cast<Role>(i);
    if (ToProto(known) == role) return known;
  }
  return std::nullopt;
}

v1::TaskState ToProto(TaskState state) {
  return ByWord<v1::TaskState>(state, "TASK_STATE_");
}

v1::TrialState ToProto(TrialState state) {
  return ByWord<v1::TrialState>(state, "TRIAL_STATE_");
}

v1::Account ToProto(const Account& account) {
  v1::Account proto;
  proto.set_account_id(account.id.value);
  proto.set_name(account.name);
  proto.set_role(ToProto(account.role));
  proto.set_state(account.state == AccountState::kActive
                      ? v1::Account::STATE_ACTIVE
                      : v1::Account::STATE_SUSPENDED);
  proto.set_trials_accepted(account.trials_accepted);
  proto.set_trials_rejected(account.trials_rejected);
  proto.set_trials_abandoned(account.trials_abandoned);
  proto.set_is_public(account.is_public);
  return proto;
}

v1::Lease::Assignment ToProto(const Assignment& assignment) {
  v1::Lease::Assignment proto;
  proto.set_trial_id(assignment.trial.value);
  wire::SetChoices(assignment.architecture, proto.mutable_choices());
  proto.set_trial_key(assignment.trial_key.AsBytes());
  proto.set_architecture_id(assignment.architecture_id.AsBytes());
  proto.set_rung(assignment.rung);
  if (assignment.resumes.IsSet()) {
    proto.set_resumes_trial_id(assignment.resumes.value);
    proto.set_initial_weights_digest(assignment.initial_weights.AsBytes());
    proto.set_initial_weights_size_bytes(assignment.initial_weights_size_bytes);
  }
  return proto;
}

google::protobuf::Duration LeftToProto(absl::Time deadline, absl::Time now) {
  return wire::ToProto(std::max(absl::ZeroDuration(), deadline - now));
}

v1::Lease ToProto(const LeaseGrant& grant, absl::Time now) {
  v1::Lease proto;
  const Lease& lease = grant.lease;
  proto.set_lease_id(lease.id.value);
  proto.set_task_id(lease.task.value);
  proto.set_subspace_id(lease.subspace.value);
  proto.set_attempt(lease.attempt);
  proto.set_role(lease.role == LeaseRole::kPrimary ? v1::Lease::ROLE_PRIMARY
                                                   : v1::Lease::ROLE_BACKUP);
  *proto.mutable_expire_time() = wire::ToProto(lease.expire_time);
  *proto.mutable_deadline_time() = wire::ToProto(lease.deadline);
  *proto.mutable_expire_left() = LeftToProto(lease.expire_time, now);
  *proto.mutable_deadline_left() = LeftToProto(lease.deadline, now);
  proto.set_trials_target(lease.trials_target);
  proto.set_price(grant.price);
  for (const Assignment& assignment : grant.assignments) {
    *proto.add_assignments() = ToProto(assignment);
  }
  *proto.mutable_space() = wire::ToProto(grant.spec->space);
  *proto.mutable_recipe() = wire::ToProto(grant.spec->recipe);
  proto.set_dataset_id(grant.spec->dataset.AsBytes());
  *proto.mutable_manifest() = wire::ToProto(grant.manifest);
  return proto;
}

v1::AuditRequest ToProto(const AuditRequest& request, absl::Time now) {
  v1::AuditRequest proto;
  proto.set_audit_id(request.audit.value);
  proto.set_trial_id(request.trial.value);
  proto.set_segment(request.segment);
  *proto.mutable_deadline_time() = wire::ToProto(request.deadline);
  *proto.mutable_deadline_left() = LeftToProto(request.deadline, now);
  return proto;
}

v1::Audit ToProto(const AuditGrant& grant, absl::Time now) {
  v1::Audit proto;
  proto.set_audit_id(grant.audit.id.value);
  proto.set_attempt(grant.audit.attempt);
  *proto.mutable_expire_time() = wire::ToProto(grant.end_time);
  *proto.mutable_renewal_interval() = wire::ToProto(grant.renewal_interval);
  *proto.mutable_expire_left() = LeftToProto(grant.end_time, now);
  *proto.mutable_assignment() = ToProto(grant.assignment);
  *proto.mutable_space() = wire::ToProto(grant.spec->space);
  *proto.mutable_recipe() = wire::ToProto(grant.spec->recipe);
  proto.set_dataset_id(grant.dataset.id.AsBytes());
  *proto.mutable_manifest() = wire::ToProto(grant.dataset.manifest);
  proto.set_held_out_digest(grant.dataset.held_out.AsBytes());
  const Commitment& commitment = CommitmentOf(grant.trial);
  proto.set_weights_digest(commitment.weights_digest.AsBytes());
  proto.set_weights_size_bytes(commitment.weights_size_bytes);
  proto.set_claimed_validation_correct(commitment.claimed_correct);
  proto.set_checkpoint_root(commitment.checkpoint_root.AsBytes());
  proto.set_arithmetic(grant.trial.arithmetic);
  proto.set_is_whole(grant.audit.kind == AuditKind::kWhole);
  proto.set_segment(grant.audit.segment);
  if (commitment.diverged_at_step) {
    proto.set_diverged_at_step(*commitment.diverged_at_step);
  }
  proto.set_measures_all(grant.audit.measures_all);
  proto.set_seed(grant.seed.AsBytes());
  proto.set_account_id(grant.trial.account.value);
  proto.set_only_evaluates(grant.audit.kind == AuditKind::kEvaluation);
  if (grant.audit.kind == AuditKind::kSegment) {
    *proto.mutable_opening() = wire::ToProto(grant.audit.opening);
  }
  return proto;
}

v1::Trial ToProto(const Trial& trial, const TaskSpec& spec,
                  const DatasetManifest& manifest, const Names& names) {
  v1::Trial proto;
  proto.set_trial_id(trial.id.value);
  proto.set_task_id(trial.task.value);
  proto.set_account_name(names.Of(trial.account));
  proto.set_state(ToProto(trial.state));
  proto.set_architecture_id(trial.architecture_id.AsBytes());
  wire::SetChoices(trial.architecture, proto.mutable_choices());
  proto.set_description(spec.space.Describe(trial.architecture));
  proto.set_parameters(trial.parameters);
  proto.set_macs(trial.macs);
  proto.set_work_units(trial.work_units);
  proto.set_rung(trial.rung);
  proto.set_resumes_trial_id(trial.resumes.value);
  proto.set_known_from_trial_id(trial.known_from.value);
  FillAccuracies(trial, manifest, &proto);
  proto.set_reason(trial.reason);
  if (trial.basis != TrialBasis::kNone) proto.set_basis(ToString(trial.basis));
  proto.set_is_matured(trial.is_matured);
  proto.set_is_at_chance(trial.is_at_chance);
  if (trial.commitment) {
    proto.set_draw_ppm(trial.commitment->draw_ppm);
    proto.set_weights_digest(trial.commitment->weights_digest.AsBytes());
    // The first servers had none.
    if (!trial.commitment->checkpoint_root.IsZero()) {
      proto.set_checkpoint_root(trial.commitment->checkpoint_root.AsBytes());
    }
  }
  proto.set_subspace_id(trial.subspace.value);
  proto.set_pay(trial.pay);
  proto.set_finders_bonus(trial.finders_bonus);
  *proto.mutable_create_time() = wire::ToProto(trial.create_time);
  return proto;
}

v1::LeaseStatus ToProto(const Lease& lease, const Names& names) {
  v1::LeaseStatus proto;
  proto.set_lease_id(lease.id.value);
  proto.set_task_id(lease.task.value);
  proto.set_subspace_id(lease.subspace.value);
  proto.set_account_name(names.Of(lease.account));
  proto.set_role(ToString(lease.role));
  proto.set_state(ToString(lease.state));
  proto.set_trials(static_cast<int64_t>(lease.trials.size()));
  proto.set_trials_target(lease.trials_target);
  proto.set_high_reward(lease.has_high_reward);
  if (lease.primary) proto.set_primary_lease_id(lease.primary->value);
  if (lease.backup_need) {
    proto.set_backups_wanted(lease.backup_need->wanted);
    proto.set_backup_reason(ToString(lease.backup_need->reason));
    proto.set_miss_ppm(lease.backup_need->miss_ppm);
  }
  *proto.mutable_create_time() = wire::ToProto(lease.create_time);
  *proto.mutable_expire_time() = wire::ToProto(lease.expire_time);
  *proto.mutable_deadline_time() = wire::ToProto(lease.deadline);
  return proto;
}

v1::Task ToProto(const TaskView& view, Detail detail, const Names& names) {
  const Task& task = view.task;
  v1::Task proto;
  proto.set_task_id(task.id.value);
  *proto.mutable_spec() = wire::ToProto(*task.spec);
  proto.set_state(ToProto(task.state));
  if (task.end_reason != EndReason::kNone) {
    proto.set_end_reason(ToString(task.end_reason));
  }
  proto.set_client_name(names.Of(task.client));
  proto.set_space_size(task.spec->space.size());
  FillSummary(view.summary, &proto);
  const auto show = [&](const Trial& trial) {
    return ToProto(trial, *task.spec, view.manifest, names);
  };
  if (view.summary.best) *proto.mutable_best() = show(*view.summary.best);
  if (detail == Detail::kFull) {
    *proto.mutable_manifest() = wire::ToProto(view.manifest);
    const BonusRegion region = BonusRegionOf(
        *task.spec, view.manifest.held_out_count, view.manifest.classes);
    proto.set_bonus_accuracy_min_ppm(region.accuracy_min_ppm);
    proto.set_bonus_macs_max(region.macs_max);
    proto.set_above_chance_ppm(AccuracyAboveChancePpm(
        view.manifest.validation_count, view.manifest.classes));
    for (const Trial& trial : view.summary.front) {
      *proto.add_front() = show(trial);
    }
    for (const MinerShare& share : view.summary.shares) {
      v1::MinerShare* to = proto.add_shares();
      to->set_account_name(names.Of(share.account));
      to->set_trials_accepted(share.trials_accepted);
      to->set_trials_rejected(share.trials_rejected);
      to->set_work_units(share.work_units);
      to->set_payout(share.payout);
      to->set_trials_audited(share.trials_audited);
      to->set_work_units_matured(share.work_units_matured);
      to->set_detection_ppm(share.detection_ppm);
    }
    for (const Lease& backup : view.backups) {
      *proto.add_backups() = ToProto(backup, names);
    }
  }
  proto.set_subspaces(view.subspaces);
  proto.set_fee(task.fee);
  proto.set_refund(task.refund);
  *proto.mutable_create_time() = wire::ToProto(task.create_time);
  *proto.mutable_deadline_time() =
      wire::ToProto(task.deadline + task.time_away);
  if (IsEnded(task.state)) {
    *proto.mutable_end_time() = wire::ToProto(task.end_time);
  }
  return proto;
}

std::string NameOf(const Place& place, const AccountDirectory& accounts) {
  if (place.kind != PlaceKind::kAccount) return ToString(place);
  return absl::StrCat("account:", accounts.NameOf(AccountId{place.id}));
}

v1::Transfer ToProto(const Transfer& transfer,
                     const AccountDirectory& accounts) {
  v1::Transfer proto;
  proto.set_transfer_id(transfer.id.value);
  proto.set_debit_place(NameOf(transfer.from, accounts));
  proto.set_credit_place(NameOf(transfer.to, accounts));
  proto.set_amount(transfer.amount);
  proto.set_kind(ToString(transfer.kind));
  proto.set_task_id(transfer.task.value);
  *proto.mutable_create_time() = wire::ToProto(transfer.create_time);
  return proto;
}

v1::Payout ToProto(const Payout& payout, const AccountDirectory& accounts) {
  v1::Payout proto;
  proto.set_payout_id(payout.id.value);
  proto.set_account_name(accounts.NameOf(payout.account));
  proto.set_amount(payout.amount);
  proto.set_address(payout.address);
  proto.set_state(ToString(payout.state));
  proto.set_reference(payout.reference);
  proto.set_reason(payout.reason);
  proto.set_key(payout.key.ToString());
  *proto.mutable_create_time() = wire::ToProto(payout.create_time);
  if (IsEnded(payout.state)) {
    *proto.mutable_end_time() = wire::ToProto(payout.end_time);
  }
  return proto;
}

}  // namespace archpool::rpc
