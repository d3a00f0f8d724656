// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/crypto/canonical.h"
#include "common/model/chance.h"
#include "server/core/rules/work_price.h"
#include "server/core/search/search.h"
#include "server/core/state/presence.h"
#include "server/core/state/queries.h"
#include "server/core/state/quotas.h"
#include "server/core/work/parts.h"
#include "server/core/work/work.h"

namespace archpool::work {

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

AcquireLease::Reply TooLargeHere(TaskId task, const search::Seeker& seeker,
                                 const WorkerMeans& means) {
  constexpr int64_t kMebi = int64_t{1} << 20;
  if (seeker.examiners_bytes && seeker.too_large.HasMemory()) {
    return Idle(
        "TOO_LARGE_TO_VERIFY",
        absl::StrCat("what was found in ", task.ToString(),
                     " takes more memory than the pool's verifiers have for an "
                     "examination (",
                     *seeker.examiners_bytes / kMebi,
                     " MiB, of which a training may take ",
                     seeker.room.memory_max_bytes / kMebi,
                     "); the operator gives one more (archpool-verifier "
                     "--memory-mib)"));
  }
  return Idle("TOO_LARGE_HERE",
              absl::StrCat("what was found in ", task.ToString(),
                           " is too large for this worker: ",
                           seeker.too_large.Describe(means, seeker.room)));
}

// How long a task waits for a worker that what is left is not too large for.
constexpr absl::Duration kTooLargeTerm = absl::Hours(1);

// Notes that it is for this session. Whether it was for all that asked, for so
// long that the client's reward is not held for it any longer; a worker that is
// busy elsewhere may still come.
bool IsTooLargeForAll(Step& step, TaskId id, const Session& session) {
  const TaskIndex& index = step.state.IndexOf(id);
  TooLargeForAll& noted = step.memory.too_large[id];
  noted.Note(session.id, step.now);
  if (step.now - *noted.since < kTooLargeTerm ||
      index.tally.assigned + index.tally.pending > 0) {
    return false;
  }
  const auto& sessions = step.state.sessions().all();
  return std::all_of(sessions.begin(), sessions.end(), [&](const auto& entry) {
    return noted.told.contains(entry.first) ||
           step.state.leases().Of(entry.first).empty();
  });
}

bool IsActive(const PoolState& state, TaskId id) {
  const Task* task = state.Find(id);
  return task != nullptr && task->state == TaskState::kActive;
}

void Charge(Step& step, const LeaseShares::Offer& offer, const Lease& lease) {
  const WorkUnits each = step.state.Find(lease.trials[0])->work_units;
  step.memory.shares.Charge(offer,
                            std::max<WorkUnits>(1, each) * lease.trials_target);
}

// Whether a search had to stop for want of looks. How many it took does not
// say so: after a load a box is gone through again.
bool RanOut(const Looks& left, const SearchSpace& space) {
  return left.Left(space) <= 0;
}

void AdvanceSearch(Step& step, const Session& session, Looks& looks) {
  if (step.memory.searching.size() == 0) return;
  const TaskId id = step.memory.searching.Next();
  if (!IsActive(step.state, id)) return step.memory.searching.Remove(id);
  const Task& task = *step.state.Find(id);
  search::Seeker seeker = search::SeekerFor(step, task, session);
  const search::LeaseStart start =
      search::StartFromSamples(step, task, seeker, looks);
  if (!start.trials.empty() || !RanOut(looks, task.spec->space)) {
    step.memory.searching.Remove(id);
  }
}

AcquireLease::Reply GrantOf(const Step& step, const Lease& lease) {
  const Task& task = *step.state.Find(lease.task);
  LeaseGrant grant{.lease = lease,
                   .assignments = {},
                   .spec = task.spec,
                   .manifest = ManifestOf(step.state, task.id),
                   .price = PricePerCoreHour(task)};
  for (const TrialId id : lease.trials) {
    const Trial& trial = *step.state.Find(id);
    if (trial.state != TrialState::kAssigned) continue;
    grant.assignments.push_back(AssignmentOf(step.state, task, trial));
  }
  return {.grant = std::move(grant), .idle_reason = "", .idle_message = ""};
}

// Nobody goes without work for what the pool waits for of accounts that are
// away: neither for the budget that it holds, nor because it is the last.
void NoteHeldUp(Step& step, TaskId task, bool by_any) {
  const int64_t away = step.state.audits().AwayIn(task);
  if (away == 0) return;
  const TrialTally& tally = step.state.IndexOf(task).tally;
  if (by_any || away == tally.assigned + tally.pending) {
    step.facts.push_back(AbsenceHoldsUp{task});
  }
}

// Why a worker gets nothing of an active task; a task of which nothing is left
// ends.
AcquireLease::Reply WhyNothing(Step& step, const Task& task,
                               const search::Seeker& seeker,
                               const Looks& looks) {
  const TaskIndex& index = step.state.IndexOf(task.id);
  const int64_t outstanding = index.tally.assigned + index.tally.pending;
  const bool too_dear = seeker.too_dear;
  NoteHeldUp(step, task.id, /*by_any=*/too_dear);
  if (too_dear && outstanding > 0 &&
      search::UnitsLeft(step, task, seeker.session.account) <
          search::UnitsLeft(step, task)) {
    return Idle("UNPROVEN_SHARE",
                absl::StrCat("accounts with fewer than ", kProvenTrials,
                             " accepted trials have reserved their part of ",
                             task.id.ToString(),
                             "; wait for verdicts, or the next task"));
  }
  if (too_dear && outstanding > 0) {
    return Idle("BUDGET_RESERVED",
                absl::StrCat(
                    "what is left of the budget of ", task.id.ToString(),
                    " is being worked on; wait for verdicts or the next task"));
  }
  if (!seeker.too_large.IsEmpty()) {
    AcquireLease::Reply idle =
        TooLargeHere(task.id, seeker, step.memory.means.Of(seeker.session.id));
    if (idle.idle_reason == "TOO_LARGE_HERE" &&
        looks.Left(task.spec->space) > 0 &&
        IsTooLargeForAll(step, task.id, seeker.session)) {
      step.facts.push_back(NothingLeft{task.id, EndReason::kExhausted});
      absl::StrAppend(&idle.idle_message,
                      "; it was for every worker that asked within the hour, "
                      "so the task has ended");
    }
    return idle;
  }
  if (looks.Left(task.spec->space) <= 0) {
    return Idle("SEARCHING", absl::StrCat("nothing new was found yet in ",
                                          task.id.ToString(), "; ask again"));
  }
  if (outstanding > 0) {
    return Idle("ALL_SUBSPACES_LEASED",
                absl::StrCat("every open subspace of ", task.id.ToString(),
                             " is leased to another worker"));
  }
  const bool completed = index.boxes.done_count() ==
                         static_cast<int64_t>(index.boxes.ids().size());
  if (HasVoid(step.state, task.id)) {
    return Idle("SEARCHING",
                absl::StrCat("work of ", task.id.ToString(),
                             " that was found false comes free; ask again"));
  }
  if (!too_dear && (!completed || search::IsPromoting(step.state, task))) {
    return Idle("SEARCHING", absl::StrCat("nothing new was found yet in ",
                                          task.id.ToString(), "; ask again"));
  }
  step.facts.push_back(NothingLeft{
      task.id, too_dear ? EndReason::kBudget : EndReason::kExhausted});
  return Idle("NO_OPEN_TASK", absl::StrCat(task.id.ToString(), " has ended"));
}

AcquireLease::Reply FindLease(Step& step, TaskId id, const Session& session,
                              Looks& looks) {
  const Task& task = *step.state.Find(id);
  if (AwaitsMeasurements(step.state, step.policy, id)) {
    NoteHeldUp(step, id, /*by_any=*/true);
    return Idle(
        "RESULTS_AWAITED",
        absl::StrCat("so far nothing in ", id.ToString(),
                     " learns; verifiers are measuring the last of as many "
                     "trainings as end such a task"));
  }
  search::Seeker seeker = search::SeekerFor(step, task, session);
  seeker.too_dear = TrialsLeft(task, step.state.IndexOf(id)) <= 0;
  if (!seeker.too_dear) {
    search::LeaseStart start = search::FindStart(step, task, seeker, looks);
    const bool was_found = !start.trials.empty();
    CutToTime(step, task, session, /*lease=*/{}, start.trials);
    if (was_found && start.trials.empty()) {
      return Idle("TIME_TOO_SHORT",
                  absl::StrCat(id.ToString(),
                               " ends before this worker is expected to "
                               "finish a training; wait for the next task"));
    }
    if (!start.trials.empty()) {
      return GrantOf(
          step, *step.state.Find(Grant(step, task, session, std::move(start))));
    }
  }
  return WhyNothing(step, task, seeker, looks);
}

AcquireLease::Reply LeaseFrom(Step& step, TaskId id, const Session& session,
                              Looks& looks) {
  AcquireLease::Reply reply = FindLease(step, id, session, looks);
  if (reply.idle_reason != "TOO_LARGE_HERE") {
    step.memory.too_large.erase(id);
  }
  return reply;
}

AcquireLease::Reply LeaseByShares(Step& step, const AcquireLease& command,
                                  const Session& session) {
  std::vector<LeaseShares::Offer> offers;
  Amount best_refused = -1;
  for (const auto& [leases, id] : step.state.tasks().by_leases()) {
    const Task& task = *step.state.Find(id);
    const Amount price = PricePerCoreHour(task);
    if (price >= command.price_min) {
      offers.push_back({.task = id, .client = task.client, .price = price});
    } else {
      best_refused = std::max(best_refused, price);
    }
  }
  AcquireLease::Reply idle = NothingOpen(best_refused, command.price_min);
  offers = step.memory.shares.Ordered(std::move(offers));
  Looks looks;
  for (const LeaseShares::Offer& offer : offers) {
    if (step.memory.searching.Contains(offer.task) ||
        !IsActive(step.state, offer.task)) {
      continue;
    }
    const std::shared_ptr<const TaskSpec> spec =
        step.state.Find(offer.task)->spec;
    const Looks given = looks.Half();
    Looks left = given;
    AcquireLease::Reply reply = LeaseFrom(step, offer.task, session, left);
    looks.Take(given, left);
    if (reply.grant) {
      Charge(step, offer, reply.grant->lease);
      // Half a millisecond: a worker that was served is not kept waiting for
      // others.
      Looks few(Looks::kLayersPerRequest / 16);
      AdvanceSearch(step, session, few);
      return reply;
    }
    if (reply.idle_reason == "NO_OPEN_TASK") continue;  // it ends
    // What is too large for one is found by others without further search.
    if (!RanOut(given, spec->space) && RanOut(left, spec->space) &&
        reply.idle_reason != "TOO_LARGE_HERE" &&
        reply.idle_reason != "TOO_LARGE_TO_VERIFY") {
      step.memory.searching.Add(offer.task);
    }
    idle = std::move(reply);
  }
  for (int64_t turns = step.memory.searching.size(); turns > 0; --turns) {
    const TaskId id = step.memory.searching.Next();
    if (!IsActive(step.state, id)) {
      step.memory.searching.Remove(id);
      continue;
    }
    const auto offer =
        std::find_if(offers.begin(), offers.end(),
                     [&](const auto& one) { return one.task == id; });
    if (offer == offers.end()) continue;  // pays too little
    const std::shared_ptr<const TaskSpec> spec = step.state.Find(id)->spec;
    const Looks given =
        step.memory.searching.size() == 1 ? looks : looks.Half();
    Looks left = given;
    idle = LeaseFrom(step, id, session, left);
    looks.Take(given, left);
    if (!RanOut(left, spec->space) || idle.grant) {
      step.memory.searching.Remove(id);
    }
    if (idle.grant) {
      Charge(step, *offer, idle.grant->lease);
      break;
    }
  }
  return idle;
}

AcquireLease::Reply GivenUpTooMany(const Account& account,
                                   absl::Duration pause) {
  return Idle(
      "LEASES_GIVEN_UP",
      absl::StrCat(
          "account '", account.name,
          account.group.empty()
              ? "' gave up more leases than it completes"
              : "' and the others of its group gave up more leases than they "
                "complete",
          "; it may take the next in ",
          absl::FormatDuration(absl::Ceil(pause, absl::Seconds(1)))));
}

}  // namespace

absl::StatusOr<AcquireLease::Reply> Execute(Step& step,
                                            const AcquireLease& command) {
  ARCHPOOL_ASSIGN_OR_RETURN(
      const Session session,
      OwnSession(step.state, command.caller, command.session));
  const Account& account = *step.state.Find(command.caller);
  if (account.state == AccountState::kSuspended) {
    // It is there anyway; an error states no facts.
    step.memory.heirs.Hear(session.id, step.now);
    return FailedPrecondition(
        "ACCOUNT_SUSPENDED",
        absl::StrCat("account '", account.name, "' is suspended after ",
                     account.trials_rejected,
                     " rejected trials; ask the pool's operator"));
  }
  NoteSign(step, session.account, session.id);
  step.memory.means.Note(session.id, command.means);
  if (step.state.pool_clock().InMaintenance()) {
    return Idle("MAINTENANCE",
                "the pool is in maintenance; what you train continues, "
                "and new work comes afterwards");
  }
  const auto& held = step.state.leases().Of(session.id);
  for (const LeaseId id : held) {
    if (std::find(command.holding.begin(), command.holding.end(), id) ==
        command.holding.end()) {
      return GrantOf(step, *step.state.Find(id));
    }
  }
  if (static_cast<int64_t>(held.size()) >= step.policy.leases_per_session_max) {
    return Idle("LEASES_HELD", absl::StrCat("this worker holds ", held.size(),
                                            " leases; finish one first"));
  }
  if (step.state.leases().CountOf(account.id) >=
      LeasesMax(step.state, step.policy, account)) {
    return Idle(
        "LEASES_ON_TRUST",
        absl::StrCat(
            "account '", account.name, "' holds ",
            step.state.leases().CountOf(account.id),
            " leases; it may hold one more for each trial accepted of it",
            account.group.empty()
                ? ""
                : ", together with the other accounts of its group"));
  }
  if (auto idle = DeskOf(step).WhyNotVerifiable(account.id, step.now))
    return *std::move(idle);
  const absl::Duration pause =
      PauseLeft(step.state, step.policy, account, step.now);
  if (pause > absl::ZeroDuration()) return GivenUpTooMany(account, pause);
  const LeaseId backup = GrantBackup(step, session, command.price_min);
  if (backup.IsSet()) {
    const Lease& lease = *step.state.Find(backup);
    const Task& task = *step.state.Find(lease.task);
    Charge(step,
           {.task = task.id,
            .client = task.client,
            .price = PricePerCoreHour(task)},
           lease);
    return GrantOf(step, lease);
  }
  return LeaseByShares(step, command, session);
}

}  // namespace archpool::work
