// SPDX-License-Identifier: Apache-2.0
#include "server/search/search_desk.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "common/nas/sampling.h"
#include "server/core/rules/network_setup.h"

namespace archpool {
namespace {

constexpr int64_t kRankedMin = 8;
constexpr int64_t kRankedMax = 4096;
// A new ranking comes with this share of what is under way: the more miners,
// the less each verdict changes, and the cost of a decision stays bounded.
constexpr int64_t kRankingsPerRound = 8;
constexpr int64_t kManyUnderWay = 512;
constexpr int64_t kRankingsPerRoundOfMany = 2;

// Architectures that a step looks at beyond two for each that is asked for; at
// the longest plans a quarter of a second.
constexpr int64_t kLooksMin = 2'048;
// As many as the largest space has that is gone through in order: where they
// brought nothing, the task rests until a verdict comes. The core draws for
// itself meanwhile.
constexpr int64_t kLooksInVainMax = kExhaustiveSizeMax + kLooksMin;

int64_t RankingsPerRound(int64_t under_way) {
  return under_way < kManyUnderWay ? kRankingsPerRound
                                   : kRankingsPerRoundOfMany;
}

bool Holds(TrialState state) {
  return state != TrialState::kRejected && state != TrialState::kAbandoned;
}

bool IsUnderWay(TrialState state) {
  return Holds(state) && state != TrialState::kAccepted;
}

// What the network's cost takes from its worth: the same for every halving.
double CostOf(const SearchTerms& terms, const Trial& trial) {
  const auto cost = [](int64_t halved_ppm, int64_t count) {
    return 1e-6 * static_cast<double>(halved_ppm) *
           std::log2(static_cast<double>(std::max<int64_t>(1, count)));
  };
  return cost(terms.halved_macs_ppm, trial.macs) +
         cost(terms.halved_parameters_ppm, trial.parameters);
}

}  // namespace

void SearchDesk::Load(const PoolSnapshot& snapshot) {
  BeginLoad();
  Watch(snapshot.records);
}

void SearchDesk::BeginLoad() {
  datasets_ = DatasetBook();
  tasks_.clear();
  is_loading_ = true;
}

void SearchDesk::Watch(absl::Span<const Event> events) {
  for (const Event& event : events) {
    std::visit([this](const auto& record) { Note(record); }, event);
  }
  if (!is_loading_) datasets_.Trim();
}

void SearchDesk::Note(const DatasetRecord& dataset) { datasets_.Put(dataset); }

const DatasetManifest& SearchDesk::ManifestOf(const TaskDesk& desk) const {
  return datasets_.Find(desk.spec->dataset)->manifest;
}

void SearchDesk::Note(const Task& task) {
  if (task.state != TaskState::kActive) {
    if (tasks_.erase(task.id) > 0) datasets_.Release(task.spec->dataset);
    last_task_of_.erase(task.client);
    return;
  }
  TaskDesk& desk = tasks_[task.id];
  if (desk.spec != nullptr) return;
  // It came with the task (server/core/tasks/submission.cc), or before.
  datasets_.Use(task.spec->dataset);
  desk.client = task.client;
  desk.must_rebuild = is_loading_;
  desk.spec = task.spec;
  desk.secret = task.secret;
  desk.policy = MakePolicy(desk);
}

std::unique_ptr<SearchPolicy> SearchDesk::MakePolicy(
    const TaskDesk& desk) const {
  const auto own = ParseSearchPolicy(desk.spec->search.policy);
  return MakeSearchPolicy(own.ok() ? *own : policy_, desk.spec->space,
                          desk.secret.Prefix64());
}

void SearchDesk::Note(const SubspaceRecord& subspace) {
  const auto found = tasks_.find(subspace.task);
  if (found == tasks_.end()) return;
  TaskDesk& desk = found->second;
  if (subspace.state == SubspaceState::kPruned) {
    Forget(desk, subspace.id);
    desk.dead_boxes.push_back(subspace.box);
  } else if (subspace.state == SubspaceState::kCompleted) {
    Forget(desk, subspace.id);
  } else {
    const auto [slot, is_new] =
        desk.box_slots.insert({subspace.id, desk.boxes.size()});
    if (is_new) {
      desk.boxes.push_back(subspace.box);
      desk.box_ids.push_back(subspace.id);
    } else {
      desk.boxes[slot->second] = subspace.box;
    }
  }
}

// The last box takes its place.
void SearchDesk::Forget(TaskDesk& desk, SubspaceId box) {
  const auto found = desk.box_slots.find(box);
  if (found == desk.box_slots.end()) return;
  const size_t slot = found->second;
  desk.box_slots.erase(found);
  if (slot + 1 < desk.boxes.size()) {
    desk.boxes[slot] = std::move(desk.boxes.back());
    desk.box_ids[slot] = desk.box_ids.back();
    desk.box_slots[desk.box_ids[slot]] = slot;
  }
  desk.boxes.pop_back();
  desk.box_ids.pop_back();
}

void SearchDesk::Note(const Trial& trial) {
  const auto found = tasks_.find(trial.task);
  // Policies learn from the first rung alone: one scale for all.
  if (found == tasks_.end() || trial.rung > 0) return;
  TaskDesk& desk = found->second;
  const auto known = desk.trials.find(trial.id);
  const bool held = known != desk.trials.end() && Holds(known->second.state);
  const bool was_accepted = known != desk.trials.end() &&
                            known->second.state == TrialState::kAccepted;
  const bool holds = Holds(trial.state);
  if (holds != held) {
    int64_t& count = desk.held[trial.architecture_id];
    count += holds ? 1 : -1;
    if (count == 0) desk.held.erase(trial.architecture_id);
    if (holds) desk.ranked_left.erase(trial.architecture_id);
  }
  desk.trials[trial.id] = trial;
  if (IsUnderWay(trial.state)) {
    desk.pending[trial.id] = trial.architecture;
  } else {
    desk.pending.erase(trial.id);
  }
  const bool accepted = trial.state == TrialState::kAccepted;
  // What was learnt by its claim is forgotten.
  desk.must_rebuild |= was_accepted && !accepted && !trial.measured;
  if (!desk.must_rebuild) Learn(desk, trial);
  if (accepted != was_accepted || trial.state == TrialState::kRejected) {
    ++desk.verdicts;
  }
}

// What the pool itself measured teaches whatever was claimed: a false claim
// costs its miner the pay, not the search a result. A trial that was not
// measured teaches what it claims, for as long as it stands. Once per network,
// and once more where what was rejected is accepted of another.
void SearchDesk::Learn(TaskDesk& desk, const Trial& trial) {
  const bool accepted = trial.state == TrialState::kAccepted;
  const bool rejected = trial.state == TrialState::kRejected;
  if (!accepted && !(rejected && trial.measured)) return;
  const auto [known, is_new] =
      desk.learnt.insert({trial.architecture_id, accepted});
  if (!is_new && (known->second || !accepted)) return;
  known->second = accepted;
  const DatasetManifest& manifest = ManifestOf(desk);
  const double accuracy = static_cast<double>(ValidationCorrect(trial)) /
                          static_cast<double>(manifest.validation_count);
  desk.policy->Observe(
      {trial.architecture, accuracy - CostOf(desk.spec->search, trial)});
}

// A snapshot's trials come by id; policies learn in the order of time.
void SearchDesk::Rebuild(TaskDesk& desk, absl::FunctionRef<bool()> is_stopped) {
  desk.policy = MakePolicy(desk);
  desk.learnt.clear();
  std::vector<const Trial*> trials;
  for (const auto& [id, trial] : desk.trials) {
    if (trial.commitment) trials.push_back(&trial);
  }
  std::sort(trials.begin(), trials.end(), [](const Trial* a, const Trial* b) {
    return std::tie(a->commitment->commit_time, a->id) <
           std::tie(b->commitment->commit_time, b->id);
  });
  for (const Trial* trial : trials) {
    if (is_stopped()) return;
    Learn(desk, *trial);
  }
  desk.must_rebuild = false;
}

bool SearchDesk::NeedsRanking(const TaskDesk& desk) const {
  if (desk.ranked_at < 0 || desk.must_rebuild || desk.goes_on) return true;
  const auto under_way = static_cast<int64_t>(desk.pending.size());
  if (desk.verdicts - desk.ranked_at >=
      std::max<int64_t>(1, under_way / RankingsPerRound(under_way))) {
    return true;
  }
  // An empty ranking says that nothing is left until a verdict comes.
  return desk.ranked > 0 &&
         static_cast<int64_t>(desk.ranked_left.size()) <= under_way / 8;
}

std::vector<RankCandidates> SearchDesk::Rank() {
  std::vector<RankCandidates> rankings;
  for (;;) {
    Step step = RankNext(NeverStopped);
    if (step.is_idle) return rankings;
    if (step.ranking) rankings.push_back(*std::move(step.ranking));
  }
}

SearchDesk::Step SearchDesk::RankNext(absl::FunctionRef<bool()> is_stopped) {
  is_loading_ = false;
  const TaskId id = NextInTurn();
  if (!id.IsSet()) return {.is_idle = true, .ranking = std::nullopt};
  return {.is_idle = false, .ranking = RankTask(id, tasks_[id], is_stopped)};
}

TaskId SearchDesk::NextInTurn() {
  // By client, those after the last one first; then by task, likewise.
  using Turn = std::tuple<bool, AccountId, bool, TaskId>;
  std::optional<Turn> best;
  for (const auto& [id, desk] : tasks_) {
    if (!NeedsRanking(desk)) continue;
    const auto last = last_task_of_.find(desk.client);
    const bool had_its_turn = last != last_task_of_.end() && id <= last->second;
    const Turn turn(desk.client <= last_client_, desk.client, had_its_turn, id);
    if (!best || turn < *best) best = turn;
  }
  if (!best) return {};
  last_client_ = std::get<AccountId>(*best);
  const TaskId id = std::get<TaskId>(*best);
  last_task_of_[last_client_] = id;
  return id;
}

std::optional<RankCandidates> SearchDesk::RankTask(
    TaskId id, TaskDesk& desk, absl::FunctionRef<bool()> is_stopped) {
  if (desk.must_rebuild) Rebuild(desk, is_stopped);
  if (is_stopped()) return std::nullopt;
  const DatasetManifest& manifest = ManifestOf(desk);
  const NetworkSetup setup = SetupOf(*desk.spec, manifest, pool_policy_);
  std::vector<Architecture> pending;
  for (const auto& [trial, architecture] : desk.pending) {
    pending.push_back(architecture);
  }
  const auto under_way = static_cast<int64_t>(pending.size());
  const auto id_of = [&](const Architecture& one) -> std::optional<Digest> {
    const auto candidate = MakeCandidate(desk.spec->space, one, setup);
    if (!candidate.ok()) return std::nullopt;
    return candidate->id;
  };
  const auto is_taken = [&](const Digest& one) {
    return desk.held.contains(one);
  };
  // Enough until the next ranking, and a sixth of a round more.
  const int64_t count =
      std::clamp(under_way / RankingsPerRound(under_way) + under_way / 6,
                 kRankedMin, kRankedMax);
  RankReply reply = desk.policy->Rank(
      {.count = count,
       .looks_max = kLooksMin + 2 * count,
       .boxes = desk.dead_boxes.empty() ? absl::Span<const Subspace>()
                                        : absl::MakeConstSpan(desk.boxes),
       .dead_boxes = desk.dead_boxes,
       .id_of = id_of,
       .is_taken = is_taken,
       .pending = pending,
       .is_stopped = is_stopped});
  if (is_stopped()) return std::nullopt;
  const bool in_vain = reply.is_cut_short && reply.candidates.empty();
  desk.looks_in_vain =
      in_vain && desk.verdicts == desk.searched_at
          ? desk.looks_in_vain + std::max<int64_t>(1, reply.looks)
          : 0;
  desk.searched_at = desk.verdicts;
  desk.goes_on = in_vain && desk.looks_in_vain < kLooksInVainMax;
  if (desk.goes_on) return std::nullopt;
  RankCandidates command{.task = id,
                         .verdicts_seen = desk.verdicts,
                         .candidates = std::move(reply.candidates)};
  desk.ranked = static_cast<int64_t>(command.candidates.size());
  desk.ranked_left.clear();
  for (const Architecture& one : command.candidates) {
    desk.ranked_left.insert(*id_of(one));
  }
  desk.ranked_at = desk.verdicts;
  return command;
}

}  // namespace archpool
