// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/records_to_proto.h"

#include <algorithm>
#include <optional>

#include "common/wire/fields.h"
#include "common/wire/proof_wire.h"
#include "common/wire/search_space_wire.h"
#include "common/wire/task_spec_wire.h"
#include "common/wire/words.h"

namespace archpool::rpc {
namespace {

// In millionths, rounded down; nullopt: of no examples.
std::optional<int64_t> AccuracyPpm(int64_t correct, int64_t count) {
  if (count <= 0) return std::nullopt;
  return correct * 1'000'000 / count;
}

void FillAccuracies(const Trial& trial, const DatasetManifest& manifest,
                    v1::Trial* proto) {
  const int64_t count = manifest.validation_count;
  if (trial.commitment) {
    const auto claimed = AccuracyPpm(trial.commitment->claimed_correct, count);
    if (claimed) proto->set_claimed_accuracy_ppm(*claimed);
  }
  if (trial.measured) {
    const auto measured =
        AccuracyPpm(trial.measured->validation_correct, count);
    if (measured) proto->set_measured_accuracy_ppm(*measured);
  }
  if (const std::optional<int64_t> verified = VerifiedAccuracyPpm(trial)) {
    proto->set_verified_accuracy_ppm(*verified);
  }
}

}  // namespace

v1::TaskState ToProto(TaskState state) {
  return wire::ToProto<v1::TaskState>(state);
}

v1::TrialState ToProto(TrialState state) {
  return wire::ToProto<v1::TrialState>(state);
}

v1::Account ToProto(const Account& account) {
  v1::Account proto;
  proto.set_account_id(account.id.value);
  proto.set_name(account.name);
  proto.set_role(wire::ToProto<v1::Role>(account.role));
  proto.set_state(wire::ToProto<v1::Account::State>(account.state));
  proto.set_trials_accepted(account.trials_accepted);
  proto.set_trials_rejected(account.trials_rejected);
  proto.set_trials_abandoned(account.trials_abandoned);
  proto.set_is_public(account.is_public);
  if (account.invited_by.IsSet()) {
    proto.set_inviter_account_id(account.invited_by.value);
  }
  return proto;
}

v1::Token ToProto(const AccountToken& token, absl::Time now) {
  v1::Token proto;
  proto.set_number(token.key.number);
  proto.set_name(token.name);
  proto.set_scope(wire::ToProto<v1::TokenScope>(token.scope));
  *proto.mutable_create_time() = wire::ToProto(token.create_time);
  if (token.expire_time) {
    *proto.mutable_expire_time() = wire::ToProto(*token.expire_time);
  }
  if (token.revoke_time) {
    *proto.mutable_revoke_time() = wire::ToProto(*token.revoke_time);
  }
  if (token.last_use_time) {
    *proto.mutable_last_use_time() = wire::ToProto(*token.last_use_time);
  }
  proto.set_is_in_force(token.IsInForce(now));
  return proto;
}

v1::LeaseGrant::Assignment ToProto(const Assignment& assignment) {
  v1::LeaseGrant::Assignment proto;
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

v1::LeaseGrant ToProto(const LeaseGrant& grant, absl::Time now) {
  v1::LeaseGrant proto;
  const Lease& lease = grant.lease;
  proto.set_lease_id(lease.id.value);
  proto.set_task_id(lease.task.value);
  proto.set_subspace_id(lease.subspace.value);
  proto.set_attempt(lease.attempt);
  proto.set_role(wire::ToProto<v1::LeaseRole>(lease.role));
  *proto.mutable_expire_time() = wire::ToProto(lease.expire_time);
  *proto.mutable_deadline_time() = wire::ToProto(lease.deadline);
  *proto.mutable_expire_left() = LeftToProto(lease.expire_time, now);
  *proto.mutable_deadline_left() = LeftToProto(lease.deadline, now);
  proto.set_trials_target(lease.trials_target);
  proto.set_price_micros(grant.price);
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
  if (request.waited > absl::ZeroDuration()) {
    *proto.mutable_waited() = wire::ToProto(request.waited);
  }
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
  if (trial.resumes.IsSet()) proto.set_resumes_trial_id(trial.resumes.value);
  if (trial.known_from.IsSet()) {
    proto.set_known_from_trial_id(trial.known_from.value);
  }
  FillAccuracies(trial, manifest, &proto);
  proto.set_reason(trial.reason);
  proto.set_basis(wire::ToProto<v1::TrialBasis>(BasisOf(trial)));
  proto.set_is_matured(IsMatured(trial));
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
  proto.set_pay_micros(SettlementOf(trial).pay);
  proto.set_finders_bonus_micros(SettlementOf(trial).finders_bonus);
  *proto.mutable_create_time() = wire::ToProto(trial.create_time);
  return proto;
}

v1::Lease ToProto(const Lease& lease, const Names& names) {
  v1::Lease proto;
  proto.set_lease_id(lease.id.value);
  proto.set_task_id(lease.task.value);
  proto.set_subspace_id(lease.subspace.value);
  proto.set_account_name(names.Of(lease.account));
  proto.set_role(wire::ToProto<v1::LeaseRole>(lease.role));
  proto.set_state(wire::ToProto<v1::LeaseState>(lease.state));
  proto.set_trials(static_cast<int64_t>(lease.trials.size()));
  proto.set_trials_target(lease.trials_target);
  if (names.viewer().role != Role::kMiner) {
    proto.set_is_high_reward(lease.has_high_reward);
  }
  if (lease.primary) proto.set_primary_lease_id(lease.primary->value);
  if (lease.backup_need) {
    proto.set_backups_wanted(lease.backup_need->wanted);
    proto.set_backup_reason(
        wire::ToProto<v1::BackupReason>(lease.backup_need->reason));
    proto.set_miss_ppm(lease.backup_need->miss_ppm);
  }
  *proto.mutable_create_time() = wire::ToProto(lease.create_time);
  *proto.mutable_expire_time() = wire::ToProto(lease.expire_time);
  *proto.mutable_deadline_time() = wire::ToProto(lease.deadline);
  return proto;
}

v1::Place ToProto(const Place& place, const AccountDirectory& accounts) {
  v1::Place proto;
  proto.set_kind(wire::ToProto<v1::PlaceKind>(place.kind));
  if (place.kind == PlaceKind::kAccount) {
    proto.set_account_name(accounts.NameOf(AccountId{place.id}));
  } else if (place.kind == PlaceKind::kEscrow) {
    proto.set_task_id(place.id);
  }
  return proto;
}

v1::Transfer ToProto(const Transfer& transfer,
                     const AccountDirectory& accounts) {
  v1::Transfer proto;
  proto.set_transfer_id(transfer.id.value);
  *proto.mutable_debit_place() = ToProto(transfer.from, accounts);
  *proto.mutable_credit_place() = ToProto(transfer.to, accounts);
  proto.set_amount_micros(transfer.amount);
  proto.set_kind(wire::ToProto<v1::TransferKind>(transfer.kind));
  if (transfer.task.IsSet()) proto.set_task_id(transfer.task.value);
  *proto.mutable_create_time() = wire::ToProto(transfer.create_time);
  return proto;
}

v1::Payout ToProto(const Payout& payout, const AccountDirectory& accounts) {
  v1::Payout proto;
  proto.set_payout_id(payout.id.value);
  proto.set_account_name(accounts.NameOf(payout.account));
  proto.set_amount_micros(payout.amount);
  proto.set_address(payout.address);
  proto.set_state(wire::ToProto<v1::PayoutState>(payout.state));
  proto.set_reference(payout.reference);
  proto.set_reason(payout.reason);
  proto.set_key(payout.key.ToString());
  *proto.mutable_create_time() = wire::ToProto(payout.create_time);
  if (payout.end_time) {
    *proto.mutable_end_time() = wire::ToProto(*payout.end_time);
  }
  return proto;
}

}  // namespace archpool::rpc
