// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "server/core/rules/answer_size.h"
#include "server/core/rules/arithmetics.h"
#include "server/core/rules/audit_cost.h"
#include "server/core/rules/training_steps.h"
#include "server/core/search/search.h"
#include "server/core/state/answers.h"
#include "server/core/state/opened.h"
#include "server/core/state/own_miners.h"
#include "server/core/state/presence.h"
#include "server/core/state/queries.h"
#include "server/core/state/quotas.h"
#include "server/core/work/parts.h"
#include "server/core/work/work.h"

namespace archpool::work {
namespace {

// Marks trials that were given back. Paced like every return, so that nobody
// picks with it.
void MarkImpossible(Step& step, const std::vector<TrialId>& trials,
                    const std::vector<TrialId>& impossible) {
  for (const TrialId id : trials) {
    Trial trial = *step.state.Find(id);
    if (trial.state != TrialState::kAbandoned || !trial.reason.empty() ||
        std::find(impossible.begin(), impossible.end(), id) ==
            impossible.end()) {
      continue;
    }
    trial.reason = kImpossible;
    step.state.Put(trial);
  }
}

absl::Status LeaseIsOver(LeaseId lease) {
  return FailedPrecondition(
      "LEASE_ENDED",
      absl::StrCat(lease.ToString(),
                   " is over: it ran out, was given back, or its task ended; "
                   "drop it and ask for the next"));
}

// Closes the worker's earlier session; what its new one takes along.
std::vector<Lease> TakeOverFrom(Step& step, SessionId earlier,
                                Session& session) {
  std::vector<Lease> leases;
  for (const LeaseId id : step.state.leases().Of(earlier)) {
    leases.push_back(*step.state.Find(id));
  }
  session.performance = step.state.Find(earlier)->performance;
  Session closed = *step.state.Find(earlier);
  closed.state = SessionState::kClosed;
  step.state.Put(closed);
  step.memory.heirs.Forget(earlier);
  step.memory.means.Forget(earlier);
  return leases;
}

// Each opening is a row forever: a worker that opens its session in a loop is
// slowed down.
absl::Status CheckSessionPace(const Step& step, const Account& account) {
  const OpenedByAccount& opened = step.memory.sessions_opened;
  const auto has_room = [&](absl::Time time) {
    return OpenedBy(opened, account.id, time) <
           SessionsOpenedMax(step.state, step.memory, account, time);
  };
  if (has_room(step.now)) return absl::OkStatus();
  return ResourceExhausted(
      "SESSIONS_TOO_OFTEN",
      absl::StrCat("this account opened ",
                   DescribeOpened(step.state, opened, account, step.now,
                                  "sessions", has_room)));
}

}  // namespace

absl::StatusOr<OpenSession::Reply> Execute(Step& step,
                                           const OpenSession& command) {
  ARCHPOOL_RETURN_IF_ERROR(CheckArithmetic(command.arithmetic));
  const SessionId earlier =
      step.state.sessions().Named(command.caller, command.worker_name);
  const int64_t sessions = step.state.sessions().CountOf(command.caller);
  const Account& account = *step.state.Find(command.caller);
  const int64_t sessions_max = SessionsMax(step.state, step.policy, account);
  if (!earlier.IsSet() && sessions >= sessions_max) {
    return ResourceExhausted(
        "TOO_MANY_SESSIONS",
        absl::StrCat("this account may have ", sessions_max,
                     " workers; use fewer worker names, or ask the pool's "
                     "operator for more"));
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckSessionPace(step, account));
  NoteOpened(step.memory.sessions_opened, account.id, 1, step.now);
  Session session{.id = step.state.NextSessionId(),
                  .account = command.caller,
                  .worker_name = command.worker_name,
                  .threads = command.threads,
                  .arithmetic = command.arithmetic,
                  .key = command.key,
                  .create_time = step.now};
  std::vector<Lease> leases;
  if (earlier.IsSet()) leases = TakeOverFrom(step, earlier, session);
  step.state.Put(session);
  for (Lease& lease : leases) {
    lease.session = session.id;
    step.state.Put(lease);
  }
  NoteSign(step, session.account, session.id);
  return session.id;
}

absl::StatusOr<RenewLease::Reply> Execute(Step& step,
                                          const RenewLease& command) {
  ARCHPOOL_RETURN_IF_ERROR(
      OwnSession(step.state, command.caller, command.session).status());
  const Lease* found = step.state.Find(command.lease);
  if (found == nullptr || found->session != command.session) {
    // It is there anyway; an error states no facts.
    step.memory.heirs.Hear(command.session, step.now);
    return LeaseIsOver(command.lease);
  }
  NoteSign(step, command.caller, command.session);
  Lease lease = *found;
  const bool is_finishing =
      step.state.Find(lease.task)->state == TaskState::kFinishing;
  const absl::Time end =
      std::min(step.now + step.policy.silence_term,
               is_finishing ? lease.deadline
                            : LastMoment(step.state, step.policy, lease));
  if (lease.role == LeaseRole::kPrimary && IsSilent(lease)) {
    // It is back: what it had been given until its deadline is over.
    lease.backup_need.reset();
    lease.check_time = step.now;
    lease.expire_time = end;
  } else {
    lease.expire_time = std::max(lease.expire_time, end);
  }
  if (lease != *found) step.state.Put(lease);
  RenewLease::Reply reply{.expire_time = lease.expire_time, .withdrawn = {}};
  for (const TrialId id : lease.trials) {
    if (step.state.Find(id)->state == TrialState::kAbandoned) {
      reply.withdrawn.push_back(id);
    }
  }
  return reply;
}

absl::Status BeginReports(Step& step, const ReportTrials& command) {
  ARCHPOOL_RETURN_IF_ERROR(
      OwnSession(step.state, command.caller, command.session).status());
  NoteSign(step, command.caller, command.session);
  return absl::OkStatus();
}

void EndReports(Step& step, const ReportTrials& command,
                ReportTrials::Reply& reply) {
  const Lease* lease = step.state.Find(command.lease);
  if (lease == nullptr || lease->session != command.session) return;
  reply.appended = Grow(step, command.lease);
  CompleteIfIdle(step, *step.state.Find(command.lease));
}

namespace {

// Checks a training of `steps` that is said to have diverged.
absl::Status CheckDivergence(const TrialReport& report, int64_t steps) {
  if (*report.diverged_at_step < 0 || *report.diverged_at_step >= steps) {
    return InvalidArgument(
        "DIVERGENCE_RANGE",
        absl::StrCat("diverged_at_step is ", *report.diverged_at_step,
                     ", and this training has the steps 0 to ", steps - 1));
  }
  if (report.validation_correct != 0) {
    return InvalidArgument("CLAIM_RANGE",
                           "nothing counts as correct of a training that "
                           "diverged: it claims 0");
  }
  return absl::OkStatus();
}

absl::Status CheckReport(const Step& step, const ReportTrials& command,
                         const TrialReport& report, const Trial& trial) {
  const Lease* lease = step.state.Find(command.lease);
  const Task& task = *step.state.Find(trial.task);
  // What it was to be paid with may have been given out again, and it may be of
  // an arithmetic that was replaced meanwhile.
  const bool is_in_time =
      trial.reason == kSuperseded &&
      step.now <= trial.upload_deadline.value_or(absl::InfiniteFuture()) &&
      IsReplayable(trial) && trial.work_units <= search::UnitsLeft(step, task);
  const bool is_held = lease != nullptr && lease->session == command.session;
  if (trial.state == TrialState::kAbandoned ? !is_in_time : !is_held) {
    return LeaseIsOver(command.lease);
  }
  if (lease != nullptr && lease->attempt != command.attempt) {
    return FailedPrecondition(
        "LEASE_FENCED",
        absl::StrCat("the subspace's attempt is ", lease->attempt, ", not ",
                     command.attempt));
  }
  const TaskSpec& spec = *task.spec;
  const DatasetManifest& manifest = ManifestOf(step.state, task.id);
  const int64_t validation_count = manifest.validation_count;
  if (report.validation_correct < 0 ||
      report.validation_correct > validation_count) {
    return InvalidArgument(
        "CLAIM_RANGE",
        absl::StrCat("correct answers lie in [0, ", validation_count, "]"));
  }
  if (report.weights_digest.IsZero()) {
    return InvalidArgument("WEIGHTS_DIGEST",
                           "a digest of zeros names no weights");
  }
  const int64_t size_max = WeightsSizeMaxBytes(trial);
  if (report.weights_size_bytes <= 0 || report.weights_size_bytes > size_max) {
    return InvalidArgument("WEIGHTS_SIZE",
                           absl::StrCat("weights of this network take at most ",
                                        size_max, " bytes"));
  }
  if (report.diverged_at_step) {
    ARCHPOOL_RETURN_IF_ERROR(
        CheckDivergence(report, StepsOf(spec.recipe, manifest, trial)));
  }
  const int64_t segments = spec.recipe.segments;
  if (!IsCheckpoint(report.checkpoint_root, segments, segments,
                    CheckpointDigest(segments, report.weights_digest,
                                     report.final_optimizer),
                    report.final_proof)) {
    return InvalidArgument(
        "COMMITMENT_FALSE",
        absl::StrCat("the weights are not the last of the ", segments + 1,
                     " checkpoints that the root stands for"));
  }
  return absl::OkStatus();
}

// Not drawn yet.
Commitment CommitmentBy(const Session& session, const TrialReport& report,
                        absl::Time now) {
  return {.diverged_at_step = report.diverged_at_step,
          .checkpoint_root = report.checkpoint_root,
          .weights_digest = report.weights_digest,
          .weights_size_bytes = report.weights_size_bytes,
          .claimed_correct = report.validation_correct,
          .train_time = report.train_time,
          .signature = report.signature,
          .session = session.id,
          .commit_time = now};
}

// The chance with which a trial just committed is drawn, and whether its
// accuracies are measured then.
struct Chance {
  int64_t draw_ppm = 0;
  bool measures_all = false;
};

// REQUIRES: it is not put down yet.
Chance ChanceOf(const Step& step, const Trial& trial) {
  constexpr int64_t kForCertainPpm = 1'000'000;
  const bool is_top = !trial.is_at_chance &&
                      step.state.IndexOf(trial.task)
                          .claims.IsTop(ValidationCorrect(trial), trial.macs);
  if (IsTrusted(step.state, step.policy, trial.account)) {
    switch (OwnCheckOf(step.state, step.policy, trial, is_top)) {
      case OwnCheck::kNone:
        return {0, false};
      case OwnCheck::kSegment:
        return {kTestedPpm, false};
      case OwnCheck::kInFull:
        return {kMeasuredPpm, true};
    }
  }
  // What learnt nothing, or diverged, is paid too, so it is never taken at its
  // word.
  const bool measures_all = is_top || trial.is_at_chance;
  // Nor is what nobody can check now: it might have been chosen for that.
  const bool has_verifier =
      !step.policy.leases_need_verifiers ||
      !step.memory.verifiers.Working(step.policy, step.now).empty();
  return {measures_all || !has_verifier
              ? kForCertainPpm
              : step.state.Find(trial.account)->audit_rate_ppm,
          measures_all};
}

}  // namespace

absl::Status TakeReport(Step& step, const ReportTrials& command,
                        const TrialReport& report) {
  const Trial* found = step.state.Find(report.trial);
  if (found == nullptr || found->account != command.caller ||
      found->lease != command.lease) {
    return NotFound("TRIAL_UNKNOWN",
                    absl::StrCat(report.trial.ToString(), " is not on ",
                                 command.lease.ToString(),
                                 " of this account, or its task has ended, or "
                                 "the pool was restored from a backup that is "
                                 "older; nothing is held against you"));
  }
  if (found->state != TrialState::kAssigned &&
      found->state != TrialState::kAbandoned) {
    const Commitment& first = CommitmentOf(*found);
    if (first.checkpoint_root == report.checkpoint_root &&
        first.weights_digest == report.weights_digest &&
        first.claimed_correct == report.validation_correct &&
        first.diverged_at_step == report.diverged_at_step) {
      return absl::OkStatus();
    }
    return FailedPrecondition(
        "COMMITMENT_BOUND",
        absl::StrCat("another report of ", report.trial.ToString(),
                     " came first, and the first one binds"));
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckReport(step, command, report, *found));
  const Session& session = *step.state.Find(command.session);
  Trial trial = *found;
  trial.state = TrialState::kCommitted;
  if (report.diverged_at_step) {
    trial.work_units =
        UnitsOfSteps(trial.work_units, *report.diverged_at_step,
                     StepsOf(step.state.Find(trial.task)->spec->recipe,
                             ManifestOf(step.state, trial.task), trial));
  }
  trial.arithmetic = session.arithmetic;
  trial.commitment = CommitmentBy(session, report, step.now);
  trial.reason = "";
  trial.upload_deadline = AnswerDeadline(
      step.state, step.policy, trial,
      kPartWeights | kPartBeginWeights | kPartBeginOptimizer, step.now);
  trial.is_at_chance = !IsAboveChance(step.state, trial);
  const Chance chance = ChanceOf(step, trial);
  trial.commitment->draw_ppm = chance.draw_ppm;
  step.state.Put(trial);
  const Lease* lease = step.state.Find(command.lease);
  if (lease != nullptr) {
    Supersede(step, *lease, trial);
  }
  step.facts.push_back(TrialCommitted{trial.id, chance.measures_all});
  return absl::OkStatus();
}

absl::StatusOr<ReleaseLease::Reply> Execute(Step& step,
                                            const ReleaseLease& command) {
  ARCHPOOL_RETURN_IF_ERROR(
      OwnSession(step.state, command.caller, command.session).status());
  const Lease* found = step.state.Find(command.lease);
  if (found != nullptr && found->session == command.session &&
      found->attempt == command.attempt) {
    const std::vector<TrialId> trials = found->trials;
    EndLease(step, *found, LeaseState::kReleased, true);
    MarkImpossible(step, trials, command.impossible);
  }
  return ReleaseLease::Reply();
}

}  // namespace archpool::work
