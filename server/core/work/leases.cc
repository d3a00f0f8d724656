#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/crypto/canonical.h"
#include "common/model/chance.h"
#include "server/core/pool.h"
#include "server/core/pool_internal.h"
#include "server/core/rules/work_price.h"
#include "server/core/state/quotas.h"

namespace archpool {
namespace internal {

int64_t TrialsLeft(const Task& task, const TaskIndex& index) {
  const int64_t trials_max = task.spec->budget.trials_max;
  if (trials_max == 0) return INT64_MAX;
  return trials_max - index.assigned_count - index.pending_count -
         index.accepted_count;
}

const DatasetManifest& ManifestOf(const PoolState& state, TaskId task) {
  return state.FindDataset(state.Find(task)->spec->dataset)->manifest;
}

bool IsAboveChance(const PoolState& state, const Trial& trial) {
  const DatasetManifest& manifest = ManifestOf(state, trial.task);
  return archpool::IsAboveChance(ValidationCorrect(trial),
                                 manifest.validation_count, manifest.classes);
}

Digest TrialKey(const Task& task, const Digest& architecture_id,
                AccountId account, int64_t rung) {
  CanonicalWriter writer("archpool/trial-key/v1");
  writer.Fixed(architecture_id).Int(account.value);
  if (rung > 0) writer.Int(rung);
  return HmacSha256(task.secret, writer.encoding());
}

}  // namespace internal

absl::StatusOr<AcquireLease::Reply> Pool::Execute(const AcquireLease& command,
                                                  absl::Time now) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Session session,
      internal::OwnSession(state_, command.caller, command.session));
  heirs_.Hear(session.id, now);
  means_.Note(session.id, command.means);
  const Account& account = *state_.Find(command.caller);
  if (account.state == AccountState::kSuspended) {
    return FailedPrecondition(
        "ACCOUNT_SUSPENDED",
        absl::StrCat("account '", account.name, "' is suspended after ",
                     account.trials_rejected,
                     " rejected trials; ask the pool's operator"));
  }
  if (state_.pool_clock().InMaintenance()) {
    return AcquireLease::Reply{
        .grant = {},
        .idle_reason = "MAINTENANCE",
        .idle_message =
            "the pool's operator is at work on it; what you "
            "train goes on, and new work comes afterwards"};
  }
  const auto& held = state_.LeasesOf(session.id);
  for (const LeaseId id : held) {
    if (std::find(command.holding.begin(), command.holding.end(), id) ==
        command.holding.end()) {
      return GrantOf(*state_.Find(id));
    }
  }
  if (static_cast<int64_t>(held.size()) >= policy_.leases_per_session_max) {
    return AcquireLease::Reply{
        .grant = {},
        .idle_reason = "LEASES_HELD",
        .idle_message = absl::StrCat("this worker holds ", held.size(),
                                     " leases; finish one first")};
  }
  if (state_.LeaseCount(account.id) >= internal::LeasesMax(policy_, account)) {
    return AcquireLease::Reply{
        .grant = {},
        .idle_reason = "LEASES_ON_TRUST",
        .idle_message = absl::StrCat(
            "account '", account.name, "' holds ",
            state_.LeaseCount(account.id),
            " leases; it may hold one more for each trial accepted of it")};
  }
  if (auto idle = Desk().WhyNotVerifiable(session, now))
    return *std::move(idle);
  const absl::Duration pause = internal::PauseLeft(policy_, account, now);
  if (pause > absl::ZeroDuration()) {
    return AcquireLease::Reply{
        .grant = {},
        .idle_reason = "LEASES_GIVEN_UP",
        .idle_message = absl::StrCat(
            "account '", account.name,
            "' gave up more leases than it completes; it may take the next in ",
            absl::FormatDuration(absl::Ceil(pause, absl::Seconds(1))))};
  }
  const LeaseId backup = GrantBackup(session, command.price_min, now);
  if (backup.IsSet()) {
    const Lease& lease = *state_.Find(backup);
    const Task& task = *state_.Find(lease.task);
    Charge({.task = task.id,
            .client = task.client,
            .price = PricePerCoreHour(task)},
           lease);
    return GrantOf(lease);
  }
  return LeaseByShares(command, session, now);
}

namespace {

AcquireLease::Reply Idle(std::string reason, std::string message) {
  return {.grant = {},
          .idle_reason = std::move(reason),
          .idle_message = std::move(message)};
}

// Where no task is asked. `best_refused`: of those that pay too little; -1:
// none.
AcquireLease::Reply NothingOpen(Amount best_refused, Amount price_min) {
  if (best_refused < 0) {
    return Idle("NO_OPEN_TASK",
                "no client has an open task; work comes as soon as one does");
  }
  return Idle(
      "PRICE_TOO_LOW",
      absl::StrCat("the best of the tasks passed over pays ",
                   DescribePrice(best_refused), ", and this worker asks for ",
                   DescribePrice(price_min)));
}

AcquireLease::Reply TooLargeHere(TaskId task, const internal::Seeker& seeker,
                                 const WorkerMeans& means) {
  return Idle("TOO_LARGE_HERE",
              absl::StrCat("what was found in ", task.ToString(),
                           " is too large for this worker: ",
                           seeker.too_large.Describe(means, seeker.room)));
}

bool IsActive(const PoolState& state, TaskId id) {
  const Task* task = state.Find(id);
  return task != nullptr && task->state == TaskState::kActive;
}

}  // namespace

AcquireLease::Reply Pool::LeaseByShares(const AcquireLease& command,
                                        const Session& session,
                                        absl::Time now) {
  std::vector<LeaseShares::Offer> offers;
  Amount best_refused = -1;
  for (const auto& [leases, id] : state_.tasks_by_leases()) {
    const Task& task = *state_.Find(id);
    const Amount price = PricePerCoreHour(task);
    if (price >= command.price_min) {
      offers.push_back({.task = id, .client = task.client, .price = price});
    } else {
      best_refused = std::max(best_refused, price);
    }
  }
  AcquireLease::Reply idle = NothingOpen(best_refused, command.price_min);
  offers = shares_.Ordered(std::move(offers));
  Looks looks;
  for (const LeaseShares::Offer& offer : offers) {
    if (searching_.Contains(offer.task) || !IsActive(state_, offer.task)) {
      continue;
    }
    const Looks given = looks.Half();
    Looks left = given;
    AcquireLease::Reply reply = LeaseFrom(offer.task, session, left, now);
    looks.Take(given, left);
    if (reply.grant) {
      Charge(offer, reply.grant->lease);
      // Half a millisecond: whoever was served is not kept waiting for others.
      Looks few(Looks::kLayersPerRequest / 16);
      AdvanceSearch(session, few);
      return reply;
    }
    // What is too large for one is found by others without further search.
    if (left != given && reply.idle_reason != "TOO_LARGE_HERE") {
      searching_.Add(offer.task);
    }
    idle = std::move(reply);
  }
  for (int64_t turns = searching_.size(); turns > 0; --turns) {
    const TaskId id = searching_.Next();
    if (!IsActive(state_, id)) {
      searching_.Remove(id);
      continue;
    }
    const auto offer =
        std::find_if(offers.begin(), offers.end(),
                     [&](const auto& one) { return one.task == id; });
    if (offer == offers.end()) continue;  // pays too little
    const Looks given = searching_.size() == 1 ? looks : looks.Half();
    Looks left = given;
    idle = LeaseFrom(id, session, left, now);
    looks.Take(given, left);
    if (left == given || idle.grant) searching_.Remove(id);
    if (idle.grant) {
      Charge(*offer, idle.grant->lease);
      break;
    }
  }
  return idle;
}

void Pool::Charge(const LeaseShares::Offer& offer, const Lease& lease) {
  const WorkUnits each = state_.Find(lease.trials[0])->work_units;
  shares_.Charge(offer, std::max<WorkUnits>(1, each) * lease.trials_target);
}

void Pool::AdvanceSearch(const Session& session, Looks& looks) {
  if (searching_.size() == 0) return;
  const TaskId id = searching_.Next();
  if (!IsActive(state_, id)) return searching_.Remove(id);
  const Looks given = looks;
  const Task& task = *state_.Find(id);
  Seeker seeker = internal::SeekerFor(state_, policy_, means_, task, session);
  const Start start = StartFromDraws(task, seeker, looks);
  if (!start.trials.empty() || looks == given) searching_.Remove(id);
}

Assignment Pool::AssignmentOf(const Task& task, const Trial& trial) const {
  Assignment assignment{
      .trial = trial.id,
      .architecture = trial.architecture,
      .architecture_id = trial.architecture_id,
      .trial_key = internal::TrialKey(task, trial.architecture_id,
                                      trial.account, trial.rung),
      .rung = trial.rung,
      .resumes = trial.resumes};
  if (trial.resumes.IsSet()) {
    const Trial& below = *state_.Find(trial.resumes);
    assignment.initial_weights = below.weights_digest;
    assignment.initial_weights_size_bytes = below.weights_size_bytes;
  }
  return assignment;
}

AcquireLease::Reply Pool::GrantOf(const Lease& lease) const {
  const Task& task = *state_.Find(lease.task);
  LeaseGrant grant{.lease = lease,
                   .assignments = {},
                   .spec = task.spec,
                   .manifest = state_.FindDataset(task.spec->dataset)->manifest,
                   .price = PricePerCoreHour(task)};
  for (const TrialId id : lease.trials) {
    const Trial& trial = *state_.Find(id);
    if (trial.state != TrialState::kAssigned) continue;
    grant.assignments.push_back(AssignmentOf(task, trial));
  }
  return {.grant = std::move(grant), .idle_reason = "", .idle_message = ""};
}

AcquireLease::Reply Pool::LeaseFrom(TaskId id, const Session& session,
                                    Looks& looks, absl::Time now) {
  const Task& task = *state_.Find(id);
  const TaskIndex& index = state_.IndexOf(id);
  const int64_t outstanding = index.assigned_count + index.pending_count;
  if (internal::AwaitsMeasurements(state_, policy_, id)) {
    return Idle(
        "RESULTS_AWAITED",
        absl::StrCat("so far nothing in ", id.ToString(),
                     " learns; verifiers are measuring the last of as many "
                     "trainings as end such a task"));
  }
  Seeker seeker = internal::SeekerFor(state_, policy_, means_, task, session);
  seeker.too_dear = internal::TrialsLeft(task, index) <= 0;
  if (!seeker.too_dear) {
    Start start = StartFromPromotions(task, seeker, now);
    if (start.trials.empty()) start = StartFromAbandoned(task, seeker);
    if (start.trials.empty()) start = StartFromRanking(task, seeker, looks);
    if (start.trials.empty()) start = StartFromDraws(task, seeker, looks);
    if (!start.trials.empty() &&
        !internal::FitsInTime(state_, policy_, task, session,
                              start.trials[0].work_units, now)) {
      return Idle("TIME_TOO_SHORT",
                  absl::StrCat(id.ToString(),
                               " ends before this worker is expected to "
                               "finish a training; wait for the next task"));
    }
    if (!start.trials.empty()) {
      return GrantOf(*state_.Find(Grant(task, session, std::move(start), now)));
    }
  }
  const bool too_dear = seeker.too_dear;
  if (too_dear && outstanding > 0 &&
      UnitsLeft(task, session.account) < UnitsLeft(task)) {
    return Idle(
        "UNPROVEN_SHARE",
        absl::StrCat("accounts with fewer than ", kProvenTrials,
                     " accepted trials have reserved their part of ",
                     id.ToString(), "; wait for verdicts, or the next task"));
  }
  if (too_dear && outstanding > 0) {
    return Idle("BUDGET_RESERVED",
                absl::StrCat(
                    "what is left of the budget of ", id.ToString(),
                    " is being worked on; wait for verdicts or the next task"));
  }
  if (!seeker.too_large.IsEmpty()) {
    return TooLargeHere(id, seeker, means_.Of(session.id));
  }
  if (looks.Left(task.spec->space) <= 0) {
    return Idle("SEARCHING", absl::StrCat("nothing new was found yet in ",
                                          id.ToString(), "; ask again"));
  }
  if (outstanding > 0) {
    return Idle("ALL_SUBSPACES_LEASED",
                absl::StrCat("every open subspace of ", id.ToString(),
                             " is leased to another worker"));
  }
  const bool completed =
      index.done_subspaces == static_cast<int64_t>(index.subspaces.size());
  if (!too_dear && (!completed || internal::IsPromoting(state_, task))) {
    return Idle("SEARCHING", absl::StrCat("nothing new was found yet in ",
                                          id.ToString(), "; ask again"));
  }
  internal::BeginFinishing(
      state_, policy_, id,
      too_dear ? EndReason::kBudget : EndReason::kExhausted, now);
  return Idle("NO_OPEN_TASK", absl::StrCat(id.ToString(), " has ended"));
}

}  // namespace archpool
