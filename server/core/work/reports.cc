#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/model/chance.h"
#include "server/core/pool.h"
#include "server/core/pool_internal.h"
#include "server/core/state/quotas.h"

namespace archpool {
namespace {

// Openings of sessions within a term, beyond two for each worker.
constexpr absl::Duration kOpeningsTerm = absl::Hours(1);
constexpr int64_t kOpeningsOnTrust = 64;

// A work unit is one reference-core microsecond. Until something is committed,
// the lease has the time of its first trial alone.
absl::Time LastMoment(const PoolState& state, const PoolPolicy& policy,
                      const Lease& lease) {
  WorkUnits units = 0;
  bool has_committed = false;
  for (const TrialId id : lease.trials) {
    const Trial& trial = *state.Find(id);
    units += trial.work_units;
    has_committed |= trial.commit_time != absl::InfiniteFuture();
  }
  if (!has_committed) units = state.Find(lease.trials[0])->work_units;
  return std::max(lease.deadline, lease.create_time + policy.silence_term) +
         policy.slowness_max * absl::Microseconds(units);
}

// Of a training of `all` segments that ended after `segments`: nothing is for
// nothing.
WorkUnits UnitsOfSegments(WorkUnits units, int64_t segments, int64_t all) {
  return std::max<WorkUnits>(
      1, units / all * segments + units % all * segments / all);
}

// Of those given back. Paced like everything that is, so that nobody picks with
// it.
void MarkImpossible(PoolState& state, const std::vector<TrialId>& trials,
                    const std::vector<TrialId>& impossible) {
  for (const TrialId id : trials) {
    Trial trial = *state.Find(id);
    if (trial.state != TrialState::kAbandoned || !trial.reason.empty() ||
        std::find(impossible.begin(), impossible.end(), id) ==
            impossible.end()) {
      continue;
    }
    trial.reason = kImpossible;
    state.Put(trial);
  }
}

absl::Status LeaseEnded(LeaseId lease) {
  return FailedPrecondition(
      "LEASE_ENDED",
      absl::StrCat(lease.ToString(),
                   " is over: it ran out, was given back, or its task ended; "
                   "drop it and ask for the next"));
}

}  // namespace

namespace internal {

absl::StatusOr<Session> OwnSession(const PoolState& state, AccountId caller,
                                   SessionId id) {
  const Session* session = state.Find(id);
  if (session == nullptr || session->account != caller) {
    return NotFound("SESSION_UNKNOWN",
                    absl::StrCat(id.ToString(),
                                 " is not an open session of this account; "
                                 "open one again"));
  }
  return *session;
}

namespace {

// What the lease showed of its worker, by the pool's clock: from when it could
// begin to its last commitment.
void CountLease(const PoolState& state, const Lease& lease, bool lost,
                absl::Time now, Performance& performance) {
  const absl::Time begin =
      std::max(lease.create_time, performance.last_commit_time);
  absl::Time last_commit = absl::InfinitePast();
  WorkUnits units = 0;
  for (const TrialId id : lease.trials) {
    const Trial& trial = *state.Find(id);
    if (trial.commit_time == absl::InfiniteFuture()) continue;
    units += trial.work_units;
    last_commit = std::max(last_commit, trial.commit_time);
  }
  if (units > 0 && last_commit > begin) {
    performance.pace_permille.Add(static_cast<int64_t>(
        (last_commit - begin) * 1'000 / absl::Microseconds(units)));
  }
  performance.last_commit_time =
      std::max(performance.last_commit_time, last_commit);
  performance.lease_time += std::max(absl::ZeroDuration(), now - begin);
  ++(lost ? performance.leases_lost : performance.leases_completed);
}

}  // namespace

void EndLease(PoolState& state, const Lease& active, LeaseState end,
              bool counts, absl::Time now) {
  Lease lease = active;
  lease.state = end;
  int64_t abandoned = 0;
  for (const TrialId id : lease.trials) {
    Trial trial = *state.Find(id);
    if (trial.state != TrialState::kAssigned) continue;
    trial.state = TrialState::kAbandoned;
    state.Put(trial);
    ++abandoned;
  }
  state.Put(lease);
  SubspaceRecord subspace = *state.Find(lease.subspace);
  if (subspace.state == SubspaceState::kLeased &&
      state.LeasesOn(subspace.id).empty()) {
    subspace.state = SubspaceState::kOpen;
    state.Put(subspace);
    CompleteIfDone(state, subspace.id);
  }
  const bool lost = counts && abandoned > 0;
  if (!lost && end != LeaseState::kCompleted) return;
  Account account = *state.Find(lease.account);
  if (lost) account.trials_abandoned += abandoned;
  CountGiveUp(account, lease, lost, now);
  CountLease(state, lease, lost, now, account.performance);
  state.Put(account);
  Session session = *state.Find(lease.session);
  CountLease(state, lease, lost, now, session.performance);
  state.Put(session);
}

}  // namespace internal

absl::StatusOr<OpenSession::Reply> Pool::Execute(const OpenSession& command,
                                                 absl::Time now) {
  const SessionId earlier =
      state_.SessionNamed(command.caller, command.worker_name);
  const int64_t sessions = state_.SessionCount(command.caller);
  const int64_t sessions_max =
      internal::SessionsMax(policy_, *state_.Find(command.caller));
  if (!earlier.IsSet() && sessions >= sessions_max) {
    return ResourceExhausted(
        "TOO_MANY_SESSIONS",
        absl::StrCat("an account may have ", sessions_max,
                     " workers; use fewer worker names, or ask the pool's "
                     "operator for more"));
  }
  // Each opening is a row for ever: a worker that opens its session in a loop
  // is slowed down.
  internal::Openings& openings = openings_[command.caller];
  if (now - openings.begin >= kOpeningsTerm) openings = {.begin = now};
  if (openings.count >= kOpeningsOnTrust + 2 * sessions) {
    return ResourceExhausted(
        "SESSIONS_TOO_OFTEN",
        absl::StrCat(
            "this account opened ", openings.count,
            " sessions within the hour; the next may be opened in ",
            absl::FormatDuration(absl::Ceil(
                openings.begin + kOpeningsTerm - now, absl::Seconds(1)))));
  }
  ++openings.count;
  Session session{.id = state_.NextSessionId(),
                  .account = command.caller,
                  .worker_name = command.worker_name,
                  .threads = command.threads,
                  .hardware_class = command.hardware_class,
                  .key = command.key,
                  .create_time = now};
  std::vector<Lease> leases;
  if (earlier.IsSet()) leases = TakeOverFrom(earlier, session, now);
  state_.Put(session);
  for (Lease& lease : leases) {
    lease.session = session.id;
    state_.Put(lease);
  }
  return session.id;
}

std::vector<Lease> Pool::TakeOverFrom(SessionId earlier, Session& session,
                                      absl::Time now) {
  std::vector<Lease> leases;
  for (const LeaseId id : state_.LeasesOf(earlier)) {
    leases.push_back(*state_.Find(id));
  }
  // They were given because a verifier of their worker's class was there:
  // whoever comes back in another class would be paid for what nobody can
  // check.
  if (HardwareClassOf(*state_.Find(earlier)) != HardwareClassOf(session)) {
    for (const Lease& lease : leases) {
      internal::EndLease(state_, lease, LeaseState::kReleased, true, now);
      internal::SettleIfDone(state_, policy_, lease.task, now);
    }
    leases.clear();
  }
  session.performance = state_.Find(earlier)->performance;
  Session closed = *state_.Find(earlier);
  closed.state = SessionState::kClosed;
  state_.Put(closed);
  heirs_.Forget(earlier);
  means_.Forget(earlier);
  return leases;
}

absl::StatusOr<RenewLease::Reply> Pool::Execute(const RenewLease& command,
                                                absl::Time now) {
  ARCHPOOL_RETURN_IF_ERROR(
      internal::OwnSession(state_, command.caller, command.session).status());
  heirs_.Hear(command.session, now);
  const Lease* found = state_.Find(command.lease);
  if (found == nullptr || found->session != command.session) {
    return LeaseEnded(command.lease);
  }
  Lease lease = *found;
  const bool is_finishing =
      state_.Find(lease.task)->state == TaskState::kFinishing;
  const absl::Time end = std::min(
      now + policy_.silence_term,
      is_finishing ? lease.deadline : LastMoment(state_, policy_, lease));
  if (lease.role == LeaseRole::kPrimary &&
      lease.backup_reason == BackupReason::kSilent) {
    // It is back: what it had been given until its deadline is over.
    lease.backup_reason = BackupReason::kNone;
    lease.backups_wanted = 0;
    lease.miss_ppm = 0;
    lease.check_time = now;
    lease.expire_time = end;
  } else {
    lease.expire_time = std::max(lease.expire_time, end);
  }
  if (lease != *found) state_.Put(lease);
  RenewLease::Reply reply{.expire_time = lease.expire_time, .withdrawn = {}};
  for (const TrialId id : lease.trials) {
    if (state_.Find(id)->state == TrialState::kAbandoned) {
      reply.withdrawn.push_back(id);
    }
  }
  return reply;
}

absl::StatusOr<ReportTrials::Reply> Pool::Execute(const ReportTrials& command,
                                                  absl::Time now) {
  ARCHPOOL_RETURN_IF_ERROR(
      internal::OwnSession(state_, command.caller, command.session).status());
  heirs_.Hear(command.session, now);
  ReportTrials::Reply reply;
  reply.results.reserve(command.reports.size());
  for (const TrialReport& report : command.reports) {
    ReportTrials::Result& result =
        reply.results.emplace_back(ReportTrials::Result{.trial = report.trial});
    result.status = Commit(command, report, now);
    if (result.status.ok()) SayWhatIsWanted(result);
  }
  const Lease* lease = state_.Find(command.lease);
  if (lease == nullptr || lease->session != command.session) return reply;
  const TaskId task = lease->task;
  reply.appended = Grow(command.lease, now);
  internal::CompleteIfIdle(state_, *state_.Find(command.lease), now);
  internal::SettleIfDone(state_, policy_, task, now);
  return reply;
}

absl::Status Pool::Commit(const ReportTrials& command,
                          const TrialReport& report, absl::Time now) {
  const Trial* found = state_.Find(report.trial);
  if (found == nullptr || found->account != command.caller ||
      found->lease != command.lease) {
    return NotFound("TRIAL_UNKNOWN",
                    absl::StrCat(report.trial.ToString(), " is not on ",
                                 command.lease.ToString(),
                                 " of this account, or its task has ended"));
  }
  if (found->state != TrialState::kAssigned &&
      found->state != TrialState::kAbandoned) {
    if (found->checkpoint_root == report.checkpoint_root &&
        found->weights_digest == report.weights_digest &&
        found->claimed_correct == report.validation_correct) {
      return absl::OkStatus();
    }
    return FailedPrecondition(
        "COMMITMENT_BOUND",
        absl::StrCat("another report of ", report.trial.ToString(),
                     " came first, and the first one binds"));
  }
  ARCHPOOL_RETURN_IF_ERROR(CheckReport(command, report, *found, now));
  const Session& session = *state_.Find(command.session);
  Trial trial = *found;
  trial.state = TrialState::kCommitted;
  if (report.segments > 0) {
    trial.segments = report.segments;
    trial.work_units =
        UnitsOfSegments(trial.work_units, report.segments,
                        state_.Find(trial.task)->spec->recipe.segments);
  }
  trial.checkpoint_root = report.checkpoint_root;
  trial.weights_digest = report.weights_digest;
  trial.weights_size_bytes = report.weights_size_bytes;
  trial.claimed_correct = report.validation_correct;
  trial.train_time = report.train_time;
  trial.signature = report.signature;
  trial.session = session.id;
  trial.hardware_class = HardwareClassOf(session);
  trial.reason = "";
  trial.commit_time = now;
  trial.upload_deadline = internal::AnswerDeadline(
      state_, policy_, trial,
      kPartWeights | kPartBeginWeights | kPartBeginOptimizer, now);
  trial.is_at_chance = !internal::IsAboveChance(state_, trial);
  const bool is_top = !trial.is_at_chance &&
                      state_.IndexOf(trial.task)
                          .claims.IsTop(trial.claimed_correct, trial.macs);
  // What learnt nothing is paid too, so it is never taken at its word.
  const bool measures_all = is_top || trial.is_at_chance;
  // Nor is what nobody can check now: it might have been chosen for that.
  const bool has_verifier =
      !policy_.leases_need_verifiers ||
      !verifiers_.WorkingFor(trial.hardware_class, policy_, now).empty();
  trial.draw_ppm = measures_all || !has_verifier
                       ? 1'000'000
                       : state_.Find(trial.account)->audit_rate_ppm;
  state_.Put(trial);
  const Lease* lease = state_.Find(command.lease);
  if (lease != nullptr) {
    internal::Supersede(state_, policy_, *lease, trial, now);
  }
  Draw(std::move(trial), measures_all, now);
  return absl::OkStatus();
}

absl::Status Pool::CheckReport(const ReportTrials& command,
                               const TrialReport& report, const Trial& trial,
                               absl::Time now) const {
  const Lease* lease = state_.Find(command.lease);
  // What it was to be paid with may have been given out anew.
  const bool is_in_time =
      trial.reason == kSuperseded && now <= trial.upload_deadline &&
      trial.work_units <= UnitsLeft(*state_.Find(trial.task));
  const bool is_held = lease != nullptr && lease->session == command.session;
  if (trial.state == TrialState::kAbandoned ? !is_in_time : !is_held) {
    return LeaseEnded(command.lease);
  }
  if (lease != nullptr && lease->attempt != command.attempt) {
    return FailedPrecondition(
        "LEASE_FENCED",
        absl::StrCat("the subspace's attempt is ", lease->attempt, ", not ",
                     command.attempt));
  }
  const TaskSpec& spec = *state_.Find(trial.task)->spec;
  const DatasetManifest& manifest = state_.FindDataset(spec.dataset)->manifest;
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
  const int64_t size_max = internal::WeightsSizeMaxBytes(trial);
  if (report.weights_size_bytes <= 0 || report.weights_size_bytes > size_max) {
    return InvalidArgument("WEIGHTS_SIZE",
                           absl::StrCat("weights of this network take at most ",
                                        size_max, " bytes"));
  }
  if (report.segments < 0 || report.segments >= spec.recipe.segments) {
    return InvalidArgument("SEGMENTS_RANGE",
                           absl::StrCat("a training that ended early has 1 to ",
                                        spec.recipe.segments - 1,
                                        " segments, another one says 0"));
  }
  const int64_t segments =
      report.segments > 0 ? report.segments : spec.recipe.segments;
  if (report.segments > 0 &&
      IsAboveChance(report.validation_correct, validation_count,
                    manifest.classes)) {
    return InvalidArgument(
        "CLAIM_RANGE", "a training that diverged is no better than a guess");
  }
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

absl::StatusOr<ReleaseLease::Reply> Pool::Execute(const ReleaseLease& command,
                                                  absl::Time now) {
  ARCHPOOL_RETURN_IF_ERROR(
      internal::OwnSession(state_, command.caller, command.session).status());
  const Lease* found = state_.Find(command.lease);
  if (found != nullptr && found->session == command.session &&
      found->attempt == command.attempt) {
    const TaskId task = found->task;
    const std::vector<TrialId> trials = found->trials;
    internal::EndLease(state_, *found, LeaseState::kReleased, true, now);
    MarkImpossible(state_, trials, command.impossible);
    internal::SettleIfDone(state_, policy_, task, now);
  }
  return ReleaseLease::Reply();
}

}  // namespace archpool
