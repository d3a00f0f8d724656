// What a lease's list begins with, and how it grows.
#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/nas/cost_table.h"
#include "common/nas/sampling.h"
#include "server/core/leaves/completion.h"
#include "server/core/pool.h"
#include "server/core/pool_internal.h"
#include "server/core/rules/candidate_terms.h"
#include "server/core/state/quotas.h"

namespace archpool {
namespace {

// Candidates and abandoned trials that one request looks into: bounds what a
// request costs.
constexpr size_t kCandidatesTriedMax = 64;
constexpr int kAbandonedTriedMax = 16;

Trial TrialOf(const Task& task, SubspaceId box, TaskIndex::Ranked ranked) {
  return Trial{.task = task.id,
               .subspace = box,
               .architecture = std::move(ranked.architecture),
               .architecture_id = ranked.id,
               .parameters = ranked.parameters,
               .macs = ranked.macs,
               .work_units = ranked.work_units};
}

TrainingSize SizeOf(const TaskIndex::Ranked& ranked) {
  return {.parameters = ranked.parameters, .memory_bytes = ranked.memory_bytes};
}

// As a candidate of its task: priced, or found impossible.
TaskIndex::Ranked LookAt(const Task& task, const DatasetManifest& manifest,
                         const PoolPolicy& policy, TaskIndex::Ranked ranked) {
  const TaskSpec& spec = *task.spec;
  ranked.looked_at = true;
  const absl::StatusOr<Candidate> candidate = MakeCandidate(
      spec.space, ranked.architecture, TermsOf(spec, manifest, policy));
  ranked.possible = candidate.ok();
  if (!candidate.ok()) return ranked;
  ranked.id = candidate->id;
  ranked.parameters = candidate->plan.parameters;
  ranked.macs = candidate->plan.macs;
  ranked.memory_bytes =
      archpool::SizeOf(candidate->plan, spec.recipe.batch_size).memory_bytes;
  ranked.work_units =
      TrialWorkUnits(candidate->plan, manifest.train_count, spec.recipe.epochs,
                     manifest.validation_count);
  return ranked;
}

}  // namespace

absl::StatusOr<RankCandidates::Reply> Pool::Execute(
    const RankCandidates& command, absl::Time) {
  const Task* task = state_.Find(command.task);
  if (task == nullptr || task->state != TaskState::kActive) {
    return NotFound("TASK_UNKNOWN", absl::StrCat("there is no active ",
                                                 command.task.ToString()));
  }
  const SearchSpace& space = task->spec->space;
  if (command.candidates.size() > kRankingMax ||
      !std::all_of(command.candidates.begin(), command.candidates.end(),
                   [&](const Architecture& a) { return space.IsValid(a); })) {
    return InvalidArgument("RANKING_RANGE",
                           "a ranking is too long, or not of the task's space");
  }
  state_.Put(Ranking{.task = command.task,
                     .basis = command.basis,
                     .candidates = command.candidates});
  return RankCandidates::Reply();
}

WorkUnits Pool::UnitsLeft(const Task& task) const {
  const TaskIndex& index = state_.IndexOf(task.id);
  return task.spec->budget.work_units - index.accepted_units -
         index.reserved_units;
}

WorkUnits Pool::UnitsLeft(const Task& task, AccountId account) const {
  return std::min(UnitsLeft(task), internal::UnitsFor(state_, policy_, task,
                                                      *state_.Find(account),
                                                      expiry_hold_.last_tick));
}

int64_t Pool::ListTarget(const Task& task, const Session& session,
                         WorkUnits units) const {
  const Outlook outlook =
      OutlookOf(session.performance, state_.Find(session.account)->performance,
                policy_.lease_term);
  const absl::Duration each =
      outlook.pace * absl::Microseconds(std::max<WorkUnits>(1, units));
  return std::clamp<int64_t>(policy_.lease_span / each, 1,
                             task.spec->trials_per_lease);
}

Pool::Start Pool::StartFromAbandoned(const Task& task, Seeker& seeker) const {
  const AccountId account = seeker.session.account;
  const TaskIndex& index = state_.IndexOf(task.id);
  const auto found = index.abandoned.find(account);
  Start start;
  if (found == index.abandoned.end()) return start;
  WorkUnits units_left = UnitsLeft(task, account);
  std::set<Digest> seen;
  int looks = 0;
  // The latest first: the earliest are those that never could be had.
  for (auto id = found->second.rbegin();
       id != found->second.rend() && ++looks <= kAbandonedTriedMax; ++id) {
    const Trial& trial = *state_.Find(*id);
    if (index.architectures.contains(trial.architecture_id) ||
        index.WasRejected(account, trial.architecture_id) ||
        !seen.insert(trial.architecture_id).second ||
        state_.Find(trial.subspace)->state != SubspaceState::kOpen ||
        (start.box.IsSet() && trial.subspace != start.box) ||
        trial.work_units > units_left || !seeker.HasRoomFor(state_, trial)) {
      continue;
    }
    units_left -= trial.work_units;
    start.box = trial.subspace;
    start.trials.push_back(Trial{.id = trial.id,
                                 .task = task.id,
                                 .subspace = trial.subspace,
                                 .architecture = trial.architecture,
                                 .architecture_id = trial.architecture_id,
                                 .parameters = trial.parameters,
                                 .macs = trial.macs,
                                 .work_units = trial.work_units});
    const int64_t most =
        std::min(policy_.list_ahead,
                 internal::TrialsLeft(task, state_.IndexOf(task.id)));
    if (static_cast<int64_t>(start.trials.size()) >= most) break;
  }
  return start;
}

std::optional<Trial> Pool::RankedTrial(const Task& task, size_t position,
                                       Looks& looks) {
  const TaskIndex& index = state_.IndexOf(task.id);
  if (!index.ranking[position].looked_at) {
    if (looks.Left(task.spec->space) <= 0) return std::nullopt;
    looks.Take(task.spec->space, 1);
    state_.RememberRanked(
        task.id, position,
        LookAt(task, state_.FindDataset(task.spec->dataset)->manifest, policy_,
               index.ranking[position]));
  }
  const TaskIndex::Ranked& ranked = index.ranking[position];
  if (!ranked.possible || index.architectures.contains(ranked.id)) {
    return std::nullopt;
  }
  const SubspaceId box = index.tree.Find(task.spec->space, ranked.architecture);
  const SubspaceState state = state_.Find(box)->state;
  if (state == SubspaceState::kCompleted || state == SubspaceState::kPruned) {
    return std::nullopt;
  }
  return TrialOf(task, box, ranked);
}

Pool::Start Pool::StartFromRanking(const Task& task, Seeker& seeker,
                                   Looks& looks) {
  const Session& session = seeker.session;
  const TaskIndex& index = state_.IndexOf(task.id);
  const WorkUnits units_left = UnitsLeft(task, session.account);
  size_t tried = 0;
  bool at_head = true;
  for (size_t i = index.ranking_begin;
       i < index.ranking.size() && tried < kCandidatesTriedMax; ++i, ++tried) {
    std::optional<Trial> trial = RankedTrial(task, i, looks);
    if (!trial) {
      if (!index.ranking[i].looked_at) break;
      if (at_head) state_.PassRanked(task.id, i + 1);
      continue;
    }
    at_head = false;
    if (index.WasRejected(session.account, trial->architecture_id)) continue;
    if (trial->work_units > units_left) {
      seeker.too_dear = true;
      continue;
    }
    if (!seeker.HasRoomFor(SizeOf(index.ranking[i]))) continue;
    Start start{.box = trial->subspace};
    if (state_.Find(start.box)->state == SubspaceState::kLeased) {
      start.box =
          internal::StealBox(state_, policy_, start.box, trial->architecture);
      if (!start.box.IsSet()) continue;
    } else if (internal::SplitByResults(state_, policy_, start.box)) {
      start.box = index.tree.Find(task.spec->space, trial->architecture);
    }
    trial->subspace = start.box;
    const int64_t more =
        std::min({policy_.list_ahead, internal::TrialsLeft(task, index),
                  ListTarget(task, session, trial->work_units)}) -
        1;
    const WorkUnits left = units_left - trial->work_units;
    const Digest first = trial->architecture_id;
    start.trials.push_back(*std::move(trial));
    for (Trial& next :
         RankedIn(task, start.box, seeker, more + 1, left, looks)) {
      if (next.architecture_id == first ||
          static_cast<int64_t>(start.trials.size()) > more) {
        continue;
      }
      start.trials.push_back(std::move(next));
    }
    return start;
  }
  return {};
}

std::vector<Trial> Pool::RankedIn(const Task& task, SubspaceId box,
                                  Seeker& seeker, int64_t count,
                                  WorkUnits units_left, Looks& looks) {
  const TaskIndex& index = state_.IndexOf(task.id);
  const Subspace& inside = state_.Find(box)->box;
  std::vector<Trial> found;
  std::set<Digest> seen;
  const size_t end =
      std::min(index.ranking.size(), index.ranking_begin + kCandidatesTriedMax);
  for (size_t i = index.ranking_begin;
       i < end && static_cast<int64_t>(found.size()) < count; ++i) {
    if (!inside.Contains(index.ranking[i].architecture)) continue;
    std::optional<Trial> trial = RankedTrial(task, i, looks);
    if (!trial || trial->work_units > units_left ||
        index.WasRejected(seeker.session.account, trial->architecture_id) ||
        !seeker.HasRoomFor(SizeOf(index.ranking[i])) ||
        !seen.insert(trial->architecture_id).second) {
      continue;
    }
    units_left -= trial->work_units;
    found.push_back(*std::move(trial));
  }
  return found;
}

void Pool::AddTrials(Lease& lease, std::vector<Trial> trials, absl::Time now) {
  for (Trial& trial : trials) {
    // What an account left undone and takes up again is the same trial.
    if (!trial.id.IsSet()) trial.id = state_.NextTrialId();
    trial.lease = lease.id;
    trial.account = lease.account;
    trial.create_time = now;
    lease.trials.push_back(trial.id);
    state_.Put(trial);
  }
}

LeaseId Pool::Grant(const Task& task, const Session& session, Start start,
                    absl::Time now) {
  SubspaceRecord box = *state_.Find(start.box);
  ARCHPOOL_CHECK(box.state == SubspaceState::kOpen);
  const WorkUnits units = start.trials[0].work_units;
  const int64_t target =
      std::max<int64_t>(ListTarget(task, session, units),
                        static_cast<int64_t>(start.trials.size()));
  const Outlook outlook =
      OutlookOf(session.performance, state_.Find(session.account)->performance,
                policy_.lease_term);
  Lease lease{
      .id = state_.NextLeaseId(),
      .task = task.id,
      .subspace = box.id,
      .session = session.id,
      .account = session.account,
      .attempt = box.attempt + 1,
      .trials_target = target,
      .create_time = now,
      .expire_time = now + policy_.silence_term,
      .deadline = now + std::max(policy_.lease_term,
                                 2 * outlook.pace *
                                     absl::Microseconds(units * target))};
  lease.high_reward = state_.IsHighReward(task.id, box.id);
  if (policy_.backups) {
    lease.check_time = now + (lease.deadline - now) / 4;
  }
  AddTrials(lease, std::move(start.trials), now);
  box.state = SubspaceState::kLeased;
  box.attempt = lease.attempt;
  state_.Put(box);
  state_.Put(lease);
  return lease.id;
}

std::vector<Assignment> Pool::Grow(LeaseId id, absl::Time now) {
  const Lease* found = state_.Find(id);
  if (found == nullptr || found->role != LeaseRole::kPrimary) return {};
  const Task& task = *state_.Find(found->task);
  if (task.state != TaskState::kActive) return {};
  Lease lease = *found;
  const int64_t ahead = std::count_if(
      lease.trials.begin(), lease.trials.end(), [&](TrialId trial) {
        return state_.Find(trial)->state == TrialState::kAssigned;
      });
  const auto size = static_cast<int64_t>(lease.trials.size());
  const int64_t wanted =
      std::min({policy_.list_ahead - ahead, lease.trials_target - size,
                internal::TrialsLeft(task, state_.IndexOf(task.id))});
  if (wanted <= 0 || !state_.BackupsOf(id).empty() ||
      internal::AwaitsMeasurements(state_, policy_, task.id) ||
      Desk().WhyNotVerifiable(*state_.Find(found->session), now)) {
    return {};
  }
  Looks looks;
  const Session& session = *state_.Find(lease.session);
  Seeker seeker = internal::SeekerFor(state_, policy_, means_, task, session);
  std::vector<Trial> more = internal::Promotions(
      state_, task, seeker, lease.subspace, wanted,
      UnitsLeft(task, lease.account), policy_.lease_term, now);
  if (!more.empty()) {
    // The next report asks for more.
  } else if (!state_.IndexOf(task.id).ranking.empty()) {
    more = RankedIn(task, lease.subspace, seeker, wanted,
                    UnitsLeft(task, lease.account), looks);
  } else {
    more = DrawTrials(task, *state_.Find(lease.subspace), seeker, wanted, looks)
               .trials;
  }
  WorkUnits units = 0;
  for (const TrialId trial : lease.trials) {
    const Trial& ahead_of = *state_.Find(trial);
    if (ahead_of.state == TrialState::kAssigned) units += ahead_of.work_units;
  }
  for (size_t i = 0; i < more.size(); ++i) {
    units += more[i].work_units;
    if (internal::FitsInTime(state_, policy_, task, session, units, now)) {
      continue;
    }
    more.resize(i);
    break;
  }
  if (more.empty()) return {};
  AddTrials(lease, std::move(more), now);
  state_.Put(lease);
  std::vector<Assignment> appended;
  for (size_t i = static_cast<size_t>(size); i < lease.trials.size(); ++i) {
    appended.push_back(AssignmentOf(task, *state_.Find(lease.trials[i])));
  }
  return appended;
}

}  // namespace archpool
