// SPDX-License-Identifier: Apache-2.0
// What a lease begins with, and its list continues with, of what was ranked or
// left undone.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/nas/cost_table.h"
#include "common/nas/sampling.h"
#include "server/core/leaves/completion.h"
#include "server/core/rules/network_setup.h"
#include "server/core/search/boxes.h"
#include "server/core/search/search.h"
#include "server/core/search/starts.h"
#include "server/core/state/queries.h"
#include "server/core/state/quotas.h"

namespace archpool::search {

namespace {

// Candidates, from the first that can be had, and abandoned trials that one
// request looks into: bounds what a request costs.
constexpr size_t kCandidatesTriedMax = 64;
constexpr int kAbandonedTriedMax = 16;

Trial TrialOf(const Task& task, SubspaceId box, RankedCandidate ranked) {
  return Trial{.task = task.id,
               .subspace = box,
               .architecture = std::move(ranked.architecture),
               .architecture_id = ranked.id,
               .parameters = ranked.parameters,
               .macs = ranked.macs,
               .work_units = ranked.work_units};
}

TrainingSize SizeOf(const RankedCandidate& ranked) {
  return {.parameters = ranked.parameters,
          .memory_bytes = ranked.memory_bytes,
          .checkpoints_bytes = ranked.checkpoints_bytes};
}

// As a candidate of its task: priced, or found impossible.
RankedCandidate LookAt(const Task& task, const DatasetManifest& manifest,
                       const PoolPolicy& policy, RankedCandidate ranked) {
  const TaskSpec& spec = *task.spec;
  ranked.looked_at = true;
  const absl::StatusOr<Candidate> candidate = MakeCandidate(
      spec.space, ranked.architecture, SetupOf(task, manifest, policy));
  ranked.possible = candidate.ok();
  if (!candidate.ok()) return ranked;
  ranked.id = candidate->id;
  ranked.parameters = candidate->plan.parameters;
  ranked.macs = candidate->plan.macs;
  const TrainingSize size = archpool::SizeOf(candidate->plan, spec.recipe);
  ranked.memory_bytes = size.memory_bytes;
  ranked.checkpoints_bytes = size.checkpoints_bytes;
  ranked.work_units =
      TrialWorkUnits(candidate->plan, manifest.train_count, spec.recipe.epochs,
                     manifest.validation_count);
  return ranked;
}

}  // namespace

absl::StatusOr<RankCandidates::Reply> Execute(Step& step,
                                              const RankCandidates& command) {
  const Task* task = step.state.Find(command.task);
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
  step.state.Put(Ranking{.task = command.task,
                         .verdicts_seen = command.verdicts_seen,
                         .candidates = command.candidates});
  return RankCandidates::Reply();
}

WorkUnits UnitsLeft(const Step& step, const Task& task) {
  const TaskIndex& index = step.state.IndexOf(task.id);
  return task.spec->budget.work_units - index.tally.accepted_units -
         index.tally.reserved_units;
}

WorkUnits UnitsLeft(const Step& step, const Task& task, AccountId account) {
  return std::min(
      UnitsLeft(step, task),
      UnitsFor(step.state, step.policy, task, *step.state.Find(account),
               step.memory.expiry_hold.last_tick));
}

int64_t ListTarget(const Step& step, const Task& task, const Session& session,
                   WorkUnits units) {
  const Outlook outlook = OutlookOf(
      session.performance, step.state.Find(session.account)->performance,
      step.policy.lease_term);
  const absl::Duration each =
      outlook.pace * absl::Microseconds(std::max<WorkUnits>(1, units));
  return std::clamp<int64_t>(step.policy.lease_span / each, 1,
                             task.spec->trials_per_lease);
}

LeaseStart StartFromAbandoned(const Step& step, const Task& task,
                              Seeker& seeker) {
  const AccountId account = seeker.session.account;
  const TaskIndex& index = step.state.IndexOf(task.id);
  const auto found = index.networks.abandoned.find(account);
  LeaseStart start;
  if (found == index.networks.abandoned.end()) return start;
  WorkUnits units_left = UnitsLeft(step, task, account);
  std::set<Digest> seen;
  int looks = 0;
  // The latest first: the earliest are those that never could be had.
  for (auto id = found->second.rbegin();
       id != found->second.rend() && ++looks <= kAbandonedTriedMax; ++id) {
    const Trial& trial = *step.state.Find(*id);
    if (index.networks.IsTaken(trial.architecture_id) ||
        index.networks.WasRejected(account, trial.architecture_id) ||
        !seen.insert(trial.architecture_id).second ||
        step.state.Find(trial.subspace)->state != SubspaceState::kOpen ||
        (start.box.IsSet() && trial.subspace != start.box) ||
        trial.work_units > units_left ||
        !seeker.HasRoomFor(step.state, trial)) {
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
    const int64_t most = std::min(
        step.policy.list_ahead, TrialsLeft(task, step.state.IndexOf(task.id)));
    if (static_cast<int64_t>(start.trials.size()) >= most) break;
  }
  return start;
}

std::optional<Trial> RankedTrial(Step& step, const Task& task, size_t position,
                                 Looks& looks) {
  const TaskIndex& index = step.state.IndexOf(task.id);
  if (!index.memory.ranking[position].looked_at) {
    if (looks.Left(task.spec->space) <= 0) return std::nullopt;
    looks.Take(task.spec->space, 1);
    step.state.MemoryOf(task.id).ranking[position] =
        LookAt(task, ManifestOf(step.state, task.id), step.policy,
               index.memory.ranking[position]);
  }
  const RankedCandidate& ranked = index.memory.ranking[position];
  if (!ranked.possible || index.networks.IsTaken(ranked.id)) {
    return std::nullopt;
  }
  const SubspaceId box =
      index.boxes.tree().Find(task.spec->space, ranked.architecture);
  const SubspaceState state = step.state.Find(box)->state;
  if (state == SubspaceState::kCompleted || state == SubspaceState::kPruned) {
    return std::nullopt;
  }
  return TrialOf(task, box, ranked);
}

// Goes to the first candidate that somebody can have, as far as it may look. It
// is the same wherever the search begins that is kept in memory.
void PassHead(Step& step, const Task& task, Looks& looks) {
  TaskMemory& memory = step.state.MemoryOf(task.id);
  while (memory.ranking_begin < memory.ranking.size() &&
         !RankedTrial(step, task, memory.ranking_begin, looks)) {
    if (!memory.ranking[memory.ranking_begin].looked_at) return;
    ++memory.ranking_begin;
  }
}

LeaseStart StartFromRanking(Step& step, const Task& task, Seeker& seeker,
                            Looks& looks) {
  PassHead(step, task, looks);
  const Session& session = seeker.session;
  const TaskIndex& index = step.state.IndexOf(task.id);
  const WorkUnits units_left = UnitsLeft(step, task, session.account);
  size_t tried = 0;
  for (size_t i = index.memory.ranking_begin;
       i < index.memory.ranking.size() && tried < kCandidatesTriedMax;
       ++i, ++tried) {
    std::optional<Trial> trial = RankedTrial(step, task, i, looks);
    if (!trial) {
      if (!index.memory.ranking[i].looked_at) break;
      continue;
    }
    if (index.networks.WasRejected(session.account, trial->architecture_id))
      continue;
    if (trial->work_units > units_left) {
      seeker.too_dear = true;
      continue;
    }
    if (!seeker.HasRoomFor(SizeOf(index.memory.ranking[i]))) continue;
    LeaseStart start{.box = trial->subspace};
    if (step.state.Find(start.box)->state == SubspaceState::kLeased) {
      start.box = StealBox(step, start.box, trial->architecture);
      if (!start.box.IsSet()) continue;
    } else if (SplitByResults(step, start.box)) {
      start.box =
          index.boxes.tree().Find(task.spec->space, trial->architecture);
    }
    trial->subspace = start.box;
    const int64_t more =
        std::min({step.policy.list_ahead, TrialsLeft(task, index),
                  ListTarget(step, task, session, trial->work_units)}) -
        1;
    const WorkUnits left = units_left - trial->work_units;
    const Digest first = trial->architecture_id;
    start.trials.push_back(*std::move(trial));
    for (Trial& next :
         RankedIn(step, task, start.box, seeker, more + 1, left, looks)) {
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

std::vector<Trial> RankedIn(Step& step, const Task& task, SubspaceId box,
                            Seeker& seeker, int64_t count, WorkUnits units_left,
                            Looks& looks) {
  const Looks given = looks.Half();
  Looks left = given;
  PassHead(step, task, left);
  looks.Take(given, left);
  const TaskIndex& index = step.state.IndexOf(task.id);
  const Subspace& inside = step.state.Find(box)->box;
  std::vector<Trial> found;
  std::set<Digest> seen;
  const size_t end = std::min(index.memory.ranking.size(),
                              index.memory.ranking_begin + kCandidatesTriedMax);
  for (size_t i = index.memory.ranking_begin;
       i < end && static_cast<int64_t>(found.size()) < count; ++i) {
    if (!inside.Contains(index.memory.ranking[i].architecture)) continue;
    std::optional<Trial> trial = RankedTrial(step, task, i, looks);
    if (!trial || trial->work_units > units_left ||
        index.networks.WasRejected(seeker.session.account,
                                   trial->architecture_id) ||
        !seeker.HasRoomFor(SizeOf(index.memory.ranking[i])) ||
        !seen.insert(trial->architecture_id).second) {
      continue;
    }
    units_left -= trial->work_units;
    found.push_back(*std::move(trial));
  }
  return found;
}

LeaseStart FindStart(Step& step, const Task& task, Seeker& seeker,
                     Looks& looks) {
  LeaseStart start = StartFromPromotions(step, task, seeker);
  if (start.trials.empty()) start = StartFromAbandoned(step, task, seeker);
  if (start.trials.empty()) {
    // A ranking of which nothing can be had leaves something to the samples.
    const Looks given = looks.Half();
    Looks left = given;
    start = StartFromRanking(step, task, seeker, left);
    looks.Take(given, left);
  }
  if (start.trials.empty()) start = StartFromSamples(step, task, seeker, looks);
  return start;
}

}  // namespace archpool::search
