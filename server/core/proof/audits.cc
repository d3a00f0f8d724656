// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/reason.h"
#include "common/base/status.h"
#include "server/core/leaves/audit_draw.h"
#include "server/core/proof/audit_plant.h"
#include "server/core/proof/parts.h"
#include "server/core/proof/proof.h"
#include "server/core/rules/arithmetics.h"
#include "server/core/state/own_miners.h"
#include "server/core/state/queries.h"

namespace archpool::proof {
namespace {

// A claim may lie above the measurement by rounding alone; below is no lie that
// pays.
bool IsFalseClaim(const PoolPolicy& policy, const Trial& trial,
                  const WeightsMeasured& measured, int64_t validation_count) {
  const int64_t excess =
      CommitmentOf(trial).claimed_correct - measured.validation_correct;
  return excess * 1'000'000 > policy.claim_tolerance_ppm * validation_count;
}

// Whether the held-out split speaks against the training, as it would had the
// validation split been trained on: its accuracy lies lower than is usual, and
// than in any of the task's trainings that were replayed whole, by more than
// three deviations of a difference of two proportions (at most 1/4 each).
bool IsOverfit(const PoolState& state, const PoolPolicy& policy, TaskId task,
               const WeightsMeasured& measured) {
  const DatasetManifest& manifest = ManifestOf(state, task);
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
  const auto& usual = state.IndexOf(task).tally.replayed_gaps_ppm;
  return usual.empty() || exceeds(*usual.rbegin());
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

absl::Status CheckMeasurement(const DatasetManifest& manifest,
                              const Audit& audit,
                              const WeightsMeasured& measured) {
  if (measured.validation_correct < 0 || measured.held_out_correct < 0 ||
      measured.validation_correct > manifest.validation_count ||
      measured.held_out_correct > manifest.held_out_count) {
    return FindingRange("a count of correct answers lies outside its split");
  }
  if (!measured.measured_all && audit.measures_all) {
    return FindingRange(
        "a candidate for the front is measured on all examples");
  }
  return absl::OkStatus();
}

// How many audits of void trials, in which nothing is to be found, one request
// comes across.
constexpr int kVoidSeenMax = 16;

bool WriteIfVoid(Step& step, AuditId audit) {
  const Trial& trial = *step.state.Find(step.state.Find(audit)->trial);
  if (!IsVoid(step.state, trial)) return false;
  VoidOne(step, trial);
  return true;
}

AuditId NextOf(Step& step, const AcquireAudit& command) {
  for (int i = 0; i < kVoidSeenMax; ++i) {
    const AuditId id = DeskOf(step).NextAudit(command, step.now);
    if (!id.IsSet() || !WriteIfVoid(step, id)) return id;
  }
  return {};  // it asks again
}

}  // namespace

absl::StatusOr<AcquireAudit::Reply> Execute(Step& step,
                                            const AcquireAudit& command) {
  const auto& arithmetics = command.arithmetics;
  if (std::find(arithmetics.begin(), arithmetics.end(), kArithmetic) ==
      arithmetics.end()) {
    return CheckArithmetic(arithmetics.empty() ? "" : arithmetics.front());
  }
  const VerifierKey verifier{command.caller, command.verifier_name};
  step.memory.verifiers.Hear(verifier, step.now);
  step.memory.verifiers.NoteMemory(verifier, command.memory_bytes);
  AuditId id =
      step.state.audits().HeldBy(command.caller, command.verifier_name);
  if (id.IsSet() && WriteIfVoid(step, id)) id = {};
  if (!id.IsSet()) {
    id = NextOf(step, command);
    if (!id.IsSet()) return AcquireAudit::Reply();
  }
  Audit audit = *step.state.Find(id);
  if (audit.state == AuditState::kWaiting) {
    // A verifier that looks again does so without a byte of the miner's.
    const bool looks_again = std::any_of(
        audit.looks.begin(), audit.looks.end(), [&](const AuditLook& look) {
          return KeyOf(look) == verifier &&
                 look.kind != LookKind::kInconclusive;
        });
    if (looks_again) DeskOf(step).MakeWhole(audit, step.now);
    audit.is_planted =
        DrawPlanted(step.policy, *step.state.Find(audit.task), audit);
    audit.state = AuditState::kLeased;
    ++audit.attempt;
    audit.verifier = command.caller;
    audit.verifier_name = command.verifier_name;
    audit.lease_time = step.now;
    audit.expire_time = step.now + step.policy.audit_term;
    const AccountId miner = step.state.Find(audit.trial)->account;
    step.state.SetTurn(miner, step.memory.verifiers.NoteServed(miner));
    step.state.Put(audit);
  }
  const Trial& trial = *step.state.Find(audit.trial);
  const Task& task = *step.state.Find(audit.task);
  const absl::Time end_time = DeskOf(step).EndOf(audit);
  AuditGrant grant{.audit = std::move(audit),
                   .trial = trial,
                   .assignment = AssignmentOf(step.state, task, trial),
                   .seed = DrawOf(task, trial).seed,
                   .end_time = end_time,
                   .renewal_interval = step.policy.audit_term / 4,
                   .spec = task.spec,
                   .dataset = *step.state.FindDataset(task.spec->dataset)};
  if (grant.audit.is_planted) Plant(task, grant);
  return grant;
}

namespace {

// The audit of another attempt, or of another verifier, is none.
absl::StatusOr<Audit> HeldAudit(const Step& step, AccountId caller, AuditId id,
                                int64_t attempt,
                                const std::string& verifier_name) {
  const Audit* audit = step.state.Find(id);
  if (audit == nullptr || IsVoid(step.state, *step.state.Find(audit->trial))) {
    return NotFound(
        "AUDIT_UNKNOWN",
        absl::StrCat(id.ToString(),
                     " is not open: it is done, or there never was one"));
  }
  if (audit->state != AuditState::kLeased || audit->attempt != attempt ||
      audit->verifier != caller || audit->verifier_name != verifier_name) {
    return Superseded(id);
  }
  return *audit;
}

// Whether the account claims less than is measured again and again, to hide
// what it found or to have it measured. Counts this one.
bool ClaimsTooLow(Step& step, const Trial& trial,
                  const WeightsMeasured& measured, int64_t validation_count) {
  const int64_t lack =
      measured.validation_correct - CommitmentOf(trial).claimed_correct;
  const bool is_too_low =
      lack * 1'000'000 > step.policy.claim_tolerance_ppm * validation_count;
  Account account = *step.state.Find(trial.account);
  const int64_t before = account.claims_too_low;
  account.claims_too_low = is_too_low ? before + 1 : 0;
  if (account.claims_too_low != before) step.state.Put(account);
  return account.claims_too_low >= step.policy.claims_too_low_max;
}

void NoteFinding(Step& step, const ReportAudit& command, const Audit& audit) {
  step.memory.verifiers.NoteFinding(
      {command.caller, command.verifier_name},
      step.state.Find(audit.trial)->account, command.audit_time,
      DeskOf(step).CostOfAudit(audit).total(), step.now);
  NoteFoundDespiteAlarm(step, audit, HolderOf(audit));
}

// The audit tried its verifier; it is still to be decided.
ReportAudit::Reply EndPlanted(Step& step, Audit audit, const Trial& trial,
                              bool has_passed) {
  step.state.Put(step.memory.verifiers.NotePlanted(step.policy, HolderOf(audit),
                                                   has_passed));
  audit.is_planted = false;
  ++audit.planted_count;
  // The time that it took is no wait of the miner's.
  if (audit.decide_time) *audit.decide_time += step.now - *audit.lease_time;
  ReturnAudit(step, std::move(audit));
  if (trial != *step.state.Find(trial.id)) step.state.Put(trial);
  return {trial.state, ""};
}

ReportAudit::Reply Judge(Step& step, const Audit& audit, Trial trial,
                         const WeightsMeasured& measured) {
  const DatasetManifest& manifest = ManifestOf(step.state, audit.task);
  // Nobody trains on the operator's own validation split to deceive it; and a
  // replay of the whole costs a training.
  if (measured.measured_all && audit.kind == AuditKind::kSegment &&
      !IsTrusted(step.state, step.policy, trial.account) &&
      IsOverfit(step.state, step.policy, audit.task, measured)) {
    Audit whole = audit;
    DeskOf(step).MakeWhole(whole, step.now);
    ReturnAudit(step, std::move(whole));
    if (trial != *step.state.Find(trial.id)) step.state.Put(trial);
    return ReportAudit::Reply{trial.state, ""};
  }
  if (measured.measured_all) {
    trial.measured = {.validation_correct = measured.validation_correct,
                      .held_out_correct = measured.held_out_correct};
    if (IsFalseClaim(step.policy, trial, measured, manifest.validation_count)) {
      return Blame(step, audit, std::move(trial), "CLAIM_FALSE");
    }
  }
  if (const std::optional<ReportAudit::Reply> open =
          Clear(step, audit, trial)) {
    return *open;
  }
  if (measured.measured_all &&
      ClaimsTooLow(step, trial, measured, manifest.validation_count)) {
    RejectTrial(step, std::move(trial), "CLAIM_TOO_LOW", Fault::kMiner);
    return ReportAudit::Reply{TrialState::kRejected, "CLAIM_TOO_LOW"};
  }
  return AcceptSeen(step, std::move(trial), audit.kind == AuditKind::kWhole);
}

ReportAudit::Reply NoteInconclusive(Step& step, const Audit& audit,
                                    const Trial& trial,
                                    const std::string& reason) {
  if (reason == kEvaluationsDiffer && audit.is_planted) {
    // A verifier that evaluates has replayed, and what the pool made false is
    // found so before.
    return EndPlanted(step, audit, trial, /*has_passed=*/false);
  }
  if (trial != *step.state.Find(trial.id)) step.state.Put(trial);
  return reason == kEvaluationsDiffer ? RaiseAlarm(step, audit)
                                      : Fail(step, audit, reason);
}

// For a training that nobody can replay: its weights alone decide, and blame
// nobody.
ReportAudit::Reply JudgeEvaluation(Step& step, const ReportAudit& command,
                                   const Audit& audit, Trial trial) {
  if (const auto* inconclusive =
          std::get_if<AuditInconclusive>(&command.finding)) {
    if (trial != *step.state.Find(trial.id)) step.state.Put(trial);
    if (inconclusive->reason == kEvaluationsDiffer) {
      return RaiseAlarm(step, audit);
    }
    step.memory.verifiers.NoteFailure(step.policy, HolderOf(audit),
                                      trial.account, step.now);
    const TrialState state = trial.state;
    ReturnAudit(step, audit);
    return {state, ""};
  }
  NoteFinding(step, command, audit);
  const auto* measured = std::get_if<WeightsMeasured>(&command.finding);
  if (measured == nullptr ||
      IsFalseClaim(step.policy, trial, *measured,
                   ManifestOf(step.state, audit.task).validation_count)) {
    EndInconclusive(step, std::move(trial));
    return {TrialState::kAccepted, ""};
  }
  trial.measured = {.validation_correct = measured->validation_correct,
                    .held_out_correct = measured->held_out_correct};
  return AcceptSeen(step, std::move(trial), /*was_replayed_whole=*/false);
}

}  // namespace

absl::StatusOr<RenewAudit::Reply> Execute(Step& step,
                                          const RenewAudit& command) {
  step.memory.verifiers.HearAgain({command.caller, command.verifier_name},
                                  step.now);
  ARCHPOOL_ASSIGN_OR_RETURN(Audit audit,
                            HeldAudit(step, command.caller, command.audit,
                                      command.attempt, command.verifier_name));
  const absl::Time end =
      std::min(step.now + step.policy.audit_term, DeskOf(step).EndOf(audit));
  if (end > *audit.expire_time) {
    audit.expire_time = end;
    step.state.Put(audit);
  }
  return *audit.expire_time - step.now;
}

absl::StatusOr<ReportAudit::Reply> Execute(Step& step,
                                           const ReportAudit& command) {
  step.memory.verifiers.HearAgain({command.caller, command.verifier_name},
                                  step.now);
  ARCHPOOL_ASSIGN_OR_RETURN(const Audit audit,
                            HeldAudit(step, command.caller, command.audit,
                                      command.attempt, command.verifier_name));
  Trial trial = *step.state.Find(audit.trial);
  trial.audit_time += command.audit_time;
  if (const auto* measured = std::get_if<WeightsMeasured>(&command.finding)) {
    ARCHPOOL_RETURN_IF_ERROR(
        CheckMeasurement(ManifestOf(step.state, audit.task), audit, *measured));
  }
  if (audit.kind == AuditKind::kEvaluation) {
    return JudgeEvaluation(step, command, audit, std::move(trial));
  }
  if (const auto* measured = std::get_if<WeightsMeasured>(&command.finding)) {
    NoteFinding(step, command, audit);
    if (audit.is_planted) {
      return EndPlanted(step, audit, trial, /*has_passed=*/false);
    }
    return Judge(step, audit, std::move(trial), *measured);
  }
  std::string blame;
  if (const auto* refuted = std::get_if<TrainingRefuted>(&command.finding)) {
    blame = refuted->reason;
  } else if (const auto* unusable =
                 std::get_if<WeightsUnusable>(&command.finding)) {
    blame = unusable->reason;
  } else {
    return NoteInconclusive(
        step, audit, trial,
        std::get<AuditInconclusive>(command.finding).reason);
  }
  if (!IsReason(blame)) {
    return FindingRange("a reason is 1 to 64 of [A-Z0-9_]");
  }
  NoteFinding(step, command, audit);
  // What is unusable is so with or without the pool's doing.
  if (std::holds_alternative<TrainingRefuted>(command.finding) &&
      audit.is_planted) {
    return EndPlanted(step, audit, trial, /*has_passed=*/true);
  }
  return Blame(step, audit, std::move(trial), blame);
}

ReportAudit::Reply AcceptSeen(Step& step, Trial trial,
                              bool was_replayed_whole) {
  trial.is_at_chance = !IsAboveChance(step.state, trial);
  if (trial.measured) {
    VerdictIn(trial).verified_accuracy_ppm =
        trial.measured->held_out_correct * 1'000'000 /
        ManifestOf(step.state, trial.task).held_out_count;
  }
  AcceptTrial(
      step, std::move(trial),
      was_replayed_whole ? TrialBasis::kReplayed : TrialBasis::kAudited);
  return ReportAudit::Reply{TrialState::kAccepted, ""};
}

}  // namespace archpool::proof
