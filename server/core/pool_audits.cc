#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "server/core/pool.h"
#include "server/core/pool_internal.h"

namespace archpool {
namespace {

// Reasons of verifiers end up in front of miners and clients.
bool IsReason(const std::string& reason) {
  return !reason.empty() && reason.size() <= 64 &&
         std::all_of(reason.begin(), reason.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return absl::ascii_isupper(byte) || absl::ascii_isdigit(byte) ||
                  c == '_';
         });
}

// A claim may lie above the measurement by rounding alone; below is no lie that
// pays.
bool IsFalseClaim(const PoolPolicy& policy, const Trial& trial,
                  const Measurement& measured, int64_t validation_count) {
  const int64_t excess = trial.claimed_correct - measured.validation_correct;
  return excess * 1'000'000 > policy.claim_tolerance_ppm * validation_count;
}

// What a slow verifier may need: evaluating an example costs less than training
// on it, and a work unit is one reference-core microsecond.
absl::Duration EvaluationTime(const PoolState& state, const PoolPolicy& policy,
                              const Audit& audit) {
  const Trial& trial = *state.Find(audit.trial);
  const TaskSpec& spec = *state.Find(audit.task)->spec;
  const DatasetManifest& manifest = state.FindDataset(spec.dataset)->manifest;
  return policy.slowness_max * absl::Microseconds(trial.work_units) *
         (manifest.validation_count + manifest.held_out_count) /
         (manifest.train_count * internal::EpochsOf(spec.recipe, trial));
}

// Whether the network answers better than one that learnt nothing: paid work
// must show. One and a half times chance.
bool HasLearnt(const Measurement& measured, const DatasetManifest& manifest) {
  return 2 * measured.validation_correct * manifest.classes >
         3 * manifest.validation_count;
}

absl::Status Superseded(AuditId audit) {
  return FailedPrecondition(
      "AUDIT_SUPERSEDED",
      absl::StrCat(audit.ToString(),
                   " is not held by this verifier any more; "
                   "drop it and take the next"));
}

}  // namespace

absl::StatusOr<AcquireAudit::Reply> Pool::Execute(const AcquireAudit& command,
                                                  absl::Time now) {
  AuditId id = state_.AuditOf(command.caller, command.verifier_name);
  if (!id.IsSet()) {
    if (state_.waiting_audits().empty()) return AcquireAudit::Reply();
    id = *state_.waiting_audits().begin();
  }
  Audit audit = *state_.Find(id);
  if (audit.state == AuditState::kWaiting) {
    audit.state = AuditState::kLeased;
    ++audit.attempt;
    audit.verifier = command.caller;
    audit.verifier_name = command.verifier_name;
    audit.expire_time =
        now + policy_.audit_term + EvaluationTime(state_, policy_, audit);
    state_.Put(audit);
  }
  const Trial& trial = *state_.Find(audit.trial);
  const Task& task = *state_.Find(audit.task);
  return AuditGrant{.audit = audit,
                    .trial = trial,
                    .spec = task.spec,
                    .dataset = *state_.FindDataset(task.spec->dataset)};
}

absl::StatusOr<ReportAudit::Reply> Pool::Execute(const ReportAudit& command,
                                                 absl::Time now) {
  const Audit* found = state_.Find(command.audit);
  if (found == nullptr) {
    return NotFound("AUDIT_UNKNOWN",
                    absl::StrCat(command.audit.ToString(),
                                 " is done already, or never was"));
  }
  if (found->state != AuditState::kLeased ||
      found->attempt != command.attempt || found->verifier != command.caller ||
      found->verifier_name != command.verifier_name) {
    return Superseded(command.audit);
  }
  Audit audit = *found;
  const Trial trial = *state_.Find(audit.trial);
  const Task& task = *state_.Find(audit.task);
  const DatasetManifest& manifest =
      state_.FindDataset(task.spec->dataset)->manifest;

  if (const auto* measured = std::get_if<Measurement>(&command.finding)) {
    if (measured->validation_correct < 0 || measured->held_out_correct < 0 ||
        measured->validation_correct > manifest.validation_count ||
        measured->held_out_correct > manifest.held_out_count) {
      return InvalidArgument("FINDING_RANGE",
                             "a count of correct answers lies outside its "
                             "split");
    }
    if (IsFalseClaim(policy_, trial, *measured, manifest.validation_count)) {
      Trial refuted = trial;
      refuted.measured_correct = measured->validation_correct;
      refuted.held_out_correct = measured->held_out_correct;
      internal::RejectTrial(state_, policy_, refuted, "CLAIM_FALSE",
                            internal::Fault::kFraud, now);
      return ReportAudit::Reply{TrialState::kRejected, "CLAIM_FALSE"};
    }
    if (!HasLearnt(*measured, manifest)) {
      Trial idle = trial;
      idle.measured_correct = measured->validation_correct;
      idle.held_out_correct = measured->held_out_correct;
      internal::RejectTrial(state_, policy_, idle, "NOT_LEARNT",
                            internal::Fault::kNone, now);
      return ReportAudit::Reply{TrialState::kRejected, "NOT_LEARNT"};
    }
    internal::AcceptTrial(state_, trial, measured->validation_correct,
                          measured->held_out_correct, now);
    return ReportAudit::Reply{TrialState::kAccepted, ""};
  }
  if (const auto* unusable = std::get_if<Unusable>(&command.finding)) {
    if (!IsReason(unusable->reason)) {
      return InvalidArgument("FINDING_RANGE",
                             "a reason is 1 to 64 of [A-Z0-9_]");
    }
    // A training may diverge, and then claims nothing. Anything else that
    // cannot be used was never trained.
    const bool diverged =
        unusable->reason == "WEIGHTS_NOT_FINITE" && trial.claimed_correct == 0;
    internal::RejectTrial(
        state_, policy_, trial, unusable->reason,
        diverged ? internal::Fault::kNone : internal::Fault::kFraud, now);
    return ReportAudit::Reply{TrialState::kRejected, unusable->reason};
  }
  return internal::RetryAudit(state_, policy_, audit, now);
}

namespace internal {

ReportAudit::Reply RetryAudit(PoolState& state, const PoolPolicy& policy,
                              Audit audit, absl::Time now) {
  if (++audit.inconclusive_count >= policy.inconclusive_max) {
    // It may be the verifiers that fail: unpaid, and held against nobody.
    RejectTrial(state, policy, *state.Find(audit.trial), "UNVERIFIABLE",
                Fault::kNone, now);
    return {TrialState::kRejected, "UNVERIFIABLE"};
  }
  audit.state = AuditState::kWaiting;
  audit.expire_time = absl::InfiniteFuture();
  state.Put(audit);
  return {TrialState::kUploaded, ""};
}

namespace {

void CloseAudit(PoolState& state, TrialId trial) {
  const AuditId id = state.AuditOf(trial);
  if (!id.IsSet()) return;
  Audit audit = *state.Find(id);
  audit.state = AuditState::kDone;
  audit.expire_time = absl::InfiniteFuture();
  state.Put(audit);
}

// The account's other trials under a lease whose claim was found false.
void VoidLease(PoolState& state, const Trial& refuted, absl::Time now) {
  const absl::btree_set<TrialId> trials = state.IndexOf(refuted.task).trials;
  for (const TrialId id : trials) {
    Trial trial = *state.Find(id);
    if (trial.lease != refuted.lease || trial.id == refuted.id) continue;
    const bool was_accepted = trial.state == TrialState::kAccepted;
    if (!was_accepted && !IsPending(trial.state)) continue;
    CloseAudit(state, id);
    trial.state = TrialState::kRejected;
    trial.reason = "LEASE_VOID";
    state.Put(trial);
    ReopenIfCompleted(state, trial.subspace);
    Account account = *state.Find(trial.account);
    account.trials_accepted -= was_accepted ? 1 : 0;
    ++account.trials_rejected;
    state.Put(account);
  }
  const Lease* lease = state.Find(refuted.lease);
  if (lease != nullptr)
    EndLease(state, *lease, LeaseState::kRevoked, false, now);
}

}  // namespace

void Suspend(PoolState& state, AccountId id, absl::Time now) {
  Account account = *state.Find(id);
  account.state = AccountState::kSuspended;
  state.Put(account);
  std::vector<Lease> leases;
  for (const auto& [session, record] : state.sessions()) {
    if (record.account != id) continue;
    for (const LeaseId lease : state.LeasesOf(session)) {
      leases.push_back(*state.Find(lease));
    }
  }
  for (const Lease& lease : leases) {
    EndLease(state, lease, LeaseState::kRevoked, false, now);
  }
}

void AcceptTrial(PoolState& state, Trial trial, int64_t validation_correct,
                 int64_t held_out_correct, absl::Time now) {
  const Task& task = *state.Find(trial.task);
  const DatasetManifest& manifest =
      state.FindDataset(task.spec->dataset)->manifest;
  trial.state = TrialState::kAccepted;
  trial.measured_correct = validation_correct;
  trial.held_out_correct = held_out_correct;
  trial.verified_accuracy_ppm =
      held_out_correct * 1'000'000 / manifest.held_out_count;
  CloseAudit(state, trial.id);
  state.Put(trial);
  Account account = *state.Find(trial.account);
  ++account.trials_accepted;
  account.rejections_in_a_row = 0;
  account.accuracy_ppm.Add(validation_correct * 1'000'000 /
                           manifest.validation_count);
  state.Put(account);
  CompleteIfDone(state, trial.subspace);

  if (task.state != TaskState::kActive) {
    SettleIfDone(state, trial.task, now);
    return;
  }
  const int64_t target = task.spec->budget.target_accuracy_ppm;
  const TaskIndex& index = state.IndexOf(trial.task);
  if (target > 0 && trial.verified_accuracy_ppm >= target) {
    BeginFinishing(state, trial.task, EndReason::kTarget, now);
  } else if (TrialsLeft(task, index) <= 0 &&
             index.assigned_count + index.pending_count == 0) {
    BeginFinishing(state, trial.task, EndReason::kBudget, now);
  }
}

void RejectTrial(PoolState& state, const PoolPolicy& policy, Trial trial,
                 const std::string& reason, Fault fault, absl::Time now) {
  CloseAudit(state, trial.id);
  trial.state = TrialState::kRejected;
  trial.reason = reason;
  state.Put(trial);
  Account account = *state.Find(trial.account);
  ++account.trials_rejected;
  if (fault != Fault::kNone) ++account.rejections_in_a_row;
  state.Put(account);
  if (fault == Fault::kFraud) VoidLease(state, trial, now);
  if (account.rejections_in_a_row >= policy.rejections_to_suspend &&
      account.state == AccountState::kActive) {
    Suspend(state, account.id, now);
  }
  SettleIfDone(state, trial.task, now);
}

}  // namespace internal
}  // namespace archpool
