#include <algorithm>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/reason.h"
#include "common/base/status.h"
#include "server/core/audit_draw.h"
#include "server/core/pool.h"
#include "server/core/pool_internal.h"

namespace archpool {
namespace {

// A claim may lie above the measurement by rounding alone; below is no lie that
// pays.
bool IsFalseClaim(const PoolPolicy& policy, const Trial& trial,
                  const Measurement& measured, int64_t validation_count) {
  const int64_t excess = trial.claimed_correct - measured.validation_correct;
  return excess * 1'000'000 > policy.claim_tolerance_ppm * validation_count;
}

// By how many millionths the held-out split's accuracy lies lower.
int64_t HeldOutGapPpm(const DatasetManifest& manifest,
                      int64_t validation_correct, int64_t held_out_correct) {
  return validation_correct * 1'000'000 / manifest.validation_count -
         held_out_correct * 1'000'000 / manifest.held_out_count;
}

// Whether the held-out split speaks against the training, as it would had the
// validation split been trained on: its accuracy lies lower than is usual, and
// than in any of the task's trainings that were replayed whole, by more than
// three deviations of a difference of two proportions (at most 1/4 each).
bool IsOverfit(const PoolState& state, const PoolPolicy& policy, TaskId task,
               const Measurement& measured) {
  const DatasetManifest& manifest =
      state.FindDataset(state.Find(task)->spec->dataset)->manifest;
  const int64_t gap_ppm = HeldOutGapPpm(manifest, measured.validation_correct,
                                        measured.held_out_correct);
  const auto exceeds = [&](int64_t usual_ppm) {
    const absl::int128 excess_ppm = std::max<int64_t>(0, gap_ppm - usual_ppm);
    const absl::int128 counts =
        absl::int128(manifest.validation_count) * manifest.held_out_count;
    return 4 * excess_ppm * excess_ppm * counts >
           absl::int128(9) * 1'000'000 * 1'000'000 *
               (manifest.validation_count + manifest.held_out_count);
  };
  if (!exceeds(policy.held_out_gap_ppm)) return false;
  for (const TrialId id : state.IndexOf(task).trials) {
    const Trial& trial = *state.Find(id);
    if (trial.basis == TrialBasis::kReplayed &&
        trial.held_out_correct != kNotMeasured &&
        !exceeds(HeldOutGapPpm(manifest, trial.measured_correct,
                               trial.held_out_correct))) {
      return false;
    }
  }
  return true;
}

// The training is done again from its key, without a byte of the miner's.
Audit AsWhole(Audit audit) {
  audit.kind = AuditKind::kWhole;
  audit.inconclusive_count = 0;
  audit.state = AuditState::kWaiting;
  audit.expire_time = absl::InfiniteFuture();
  return audit;
}

// What a slow verifier may need: a work unit is one reference-core microsecond.
absl::Duration ExaminationTime(const PoolState& state, const PoolPolicy& policy,
                               const Audit& audit) {
  const Trial& trial = *state.Find(audit.trial);
  const TaskSpec& spec = *state.Find(audit.task)->spec;
  const DatasetManifest& manifest = state.FindDataset(spec.dataset)->manifest;
  const absl::Duration training = absl::Microseconds(trial.work_units);
  // Evaluating an example costs less than training on it.
  const absl::Duration evaluation =
      training * (manifest.validation_count + manifest.held_out_count) /
      (manifest.train_count * internal::EpochsOf(spec.recipe, trial));
  const absl::Duration replay = audit.kind == AuditKind::kWhole
                                    ? training
                                    : training / SegmentsOf(spec.recipe, trial);
  // A refuted replay is repeated.
  return policy.slowness_max * (2 * replay + evaluation);
}

absl::Status Superseded(AuditId audit) {
  return FailedPrecondition(
      "AUDIT_SUPERSEDED",
      absl::StrCat(audit.ToString(),
                   " is not held by this verifier any more; "
                   "drop it and take the next"));
}

absl::Status FindingRange(absl::string_view what) {
  return InvalidArgument("FINDING_RANGE", what);
}

// Whoever found a training false leaves the second look to another for a while.
bool MayTake(const Audit& audit, const AcquireAudit& command, absl::Time now) {
  return now >= audit.retry_time || audit.verifier != command.caller ||
         audit.verifier_name != command.verifier_name;
}

// The oldest audit that the verifier may take; an unset id where there is none.
AuditId NextAudit(const PoolState& state, const AcquireAudit& command,
                  absl::Time now) {
  AuditId next;
  const auto look = [&](const absl::btree_set<AuditId>& waiting) {
    for (const AuditId id : waiting) {
      if (next.IsSet() && next < id) return;
      if (!MayTake(*state.Find(id), command, now)) continue;
      next = id;
      return;
    }
  };
  if (command.hardware_classes.empty()) {
    for (const auto& [hardware_class, waiting] : state.waiting_audits()) {
      look(waiting);
    }
  }
  for (const std::string& hardware_class : command.hardware_classes) {
    const auto found = state.waiting_audits().find(hardware_class);
    if (found != state.waiting_audits().end()) look(found->second);
  }
  return next;
}

}  // namespace

absl::StatusOr<AcquireAudit::Reply> Pool::Execute(const AcquireAudit& command,
                                                  absl::Time now) {
  AuditId id = state_.AuditOf(command.caller, command.verifier_name);
  if (!id.IsSet()) {
    id = NextAudit(state_, command, now);
    if (!id.IsSet()) return AcquireAudit::Reply();
  }
  Audit audit = *state_.Find(id);
  if (audit.state == AuditState::kWaiting) {
    audit.state = AuditState::kLeased;
    ++audit.attempt;
    audit.verifier = command.caller;
    audit.verifier_name = command.verifier_name;
    audit.expire_time =
        now + policy_.audit_term + ExaminationTime(state_, policy_, audit);
    state_.Put(audit);
  }
  const Trial& trial = *state_.Find(audit.trial);
  const Task& task = *state_.Find(audit.task);
  return AuditGrant{.audit = audit,
                    .trial = trial,
                    .assignment = AssignmentOf(task, trial),
                    .seed = DrawOf(task, trial).seed,
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
  const Audit audit = *found;
  Trial trial = *state_.Find(audit.trial);
  trial.audit_time += command.audit_time;
  if (const auto* measured = std::get_if<Measurement>(&command.finding)) {
    return Judge(audit, std::move(trial), *measured, now);
  }
  if (const auto* refuted = std::get_if<Refuted>(&command.finding)) {
    if (!IsReason(refuted->reason)) {
      return FindingRange("a reason is 1 to 64 of [A-Z0-9_]");
    }
    return internal::Refute(state_, policy_, audit, std::move(trial),
                            refuted->reason, now);
  }
  if (const auto* unusable = std::get_if<Unusable>(&command.finding)) {
    if (!IsReason(unusable->reason)) {
      return FindingRange("a reason is 1 to 64 of [A-Z0-9_]");
    }
    internal::RejectTrial(state_, policy_, std::move(trial), unusable->reason,
                          internal::Fault::kFraud, now);
    return ReportAudit::Reply{TrialState::kRejected, unusable->reason};
  }
  if (trial != *state_.Find(trial.id)) state_.Put(trial);
  return internal::RetryAudit(state_, policy_, audit, now);
}

bool Pool::ClaimsTooLow(const Trial& trial, const Measurement& measured,
                        int64_t validation_count) {
  const int64_t lack = measured.validation_correct - trial.claimed_correct;
  const bool is_too_low =
      lack * 1'000'000 > policy_.claim_tolerance_ppm * validation_count;
  Account account = *state_.Find(trial.account);
  const int64_t before = account.claims_too_low;
  account.claims_too_low = is_too_low ? before + 1 : 0;
  if (account.claims_too_low != before) state_.Put(account);
  return account.claims_too_low >= policy_.claims_too_low_max;
}

absl::StatusOr<ReportAudit::Reply> Pool::Judge(const Audit& audit, Trial trial,
                                               const Measurement& measured,
                                               absl::Time now) {
  const DatasetManifest& manifest =
      state_.FindDataset(state_.Find(audit.task)->spec->dataset)->manifest;
  if (measured.validation_correct < 0 || measured.held_out_correct < 0 ||
      measured.validation_correct > manifest.validation_count ||
      measured.held_out_correct > manifest.held_out_count) {
    return FindingRange("a count of correct answers lies outside its split");
  }
  if (!measured.saw_all && audit.measures_all) {
    return FindingRange(
        "a candidate for the front is measured on all examples");
  }
  if (measured.saw_all && audit.kind == AuditKind::kSegment &&
      IsOverfit(state_, policy_, audit.task, measured)) {
    state_.Put(AsWhole(audit));
    if (trial != *state_.Find(trial.id)) state_.Put(trial);
    return ReportAudit::Reply{trial.state, ""};
  }
  if (measured.saw_all) {
    trial.measured_correct = measured.validation_correct;
    trial.held_out_correct = measured.held_out_correct;
    if (IsFalseClaim(policy_, trial, measured, manifest.validation_count)) {
      internal::RejectTrial(state_, policy_, std::move(trial), "CLAIM_FALSE",
                            internal::Fault::kFraud, now);
      return ReportAudit::Reply{TrialState::kRejected, "CLAIM_FALSE"};
    }
    if (ClaimsTooLow(trial, measured, manifest.validation_count)) {
      internal::RejectTrial(state_, policy_, std::move(trial), "CLAIM_TOO_LOW",
                            internal::Fault::kMiner, now);
      return ReportAudit::Reply{TrialState::kRejected, "CLAIM_TOO_LOW"};
    }
  }
  trial.is_at_chance = !internal::IsAboveChance(state_, trial);
  if (measured.saw_all) {
    trial.verified_accuracy_ppm =
        measured.held_out_correct * 1'000'000 / manifest.held_out_count;
  }
  internal::AcceptTrial(state_, policy_, std::move(trial),
                        audit.kind == AuditKind::kWhole ? TrialBasis::kReplayed
                                                        : TrialBasis::kAudited,
                        now);
  return ReportAudit::Reply{TrialState::kAccepted, ""};
}

namespace internal {

ReportAudit::Reply Refute(PoolState& state, const PoolPolicy& policy,
                          Audit audit, Trial trial, const std::string& reason,
                          absl::Time now) {
  if (++audit.refutations > 1) {
    RejectTrial(state, policy, std::move(trial), reason, Fault::kFraud, now);
    return {TrialState::kRejected, reason};
  }
  if (trial != *state.Find(trial.id)) state.Put(trial);
  audit.state = AuditState::kWaiting;
  audit.expire_time = absl::InfiniteFuture();
  audit.retry_time = now + policy.second_look_term;
  state.Put(audit);
  return {trial.state, ""};
}

ReportAudit::Reply RetryAudit(PoolState& state, const PoolPolicy& policy,
                              Audit audit, absl::Time now) {
  ++audit.inconclusive_count;
  // Bytes of the miner's may be what breaks the verifiers. Its training can be
  // done again without them, from the key.
  if (audit.inconclusive_count >= policy.inconclusive_max &&
      audit.kind == AuditKind::kSegment) {
    audit = AsWhole(audit);
  }
  if (audit.inconclusive_count >= policy.inconclusive_max) {
    // It may be the verifiers that fail. But whoever can make them fail would
    // do so where it is drawn, and be paid where it is not.
    RejectTrial(state, policy, *state.Find(audit.trial), "UNVERIFIABLE",
                Fault::kDoubt, now);
    return {TrialState::kRejected, "UNVERIFIABLE"};
  }
  audit.state = AuditState::kWaiting;
  audit.expire_time = absl::InfiniteFuture();
  state.Put(audit);
  return {state.Find(audit.trial)->state, ""};
}

}  // namespace internal
}  // namespace archpool
