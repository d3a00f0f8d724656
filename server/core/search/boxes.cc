// SPDX-License-Identifier: Apache-2.0
#include "server/core/search/boxes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "common/base/check.h"
#include "server/core/search/search.h"

namespace archpool::search {
namespace {

// The share of the results' variance that a split has to explain.
constexpr double kExplainedMin = 0.3;
// How many deviations above its mean a box must be hopeless to be pruned.
constexpr double kHopelessDeviations = 4;

// How many results a split is judged by: they lie in the order of their
// accuracy, so that every n-th of more stand for all.
constexpr size_t kResultsLookedAt = 1'024;

// A box of more trials is not split by its results any more: each that moves is
// a record, and what thousands did not show, more hardly will.
constexpr size_t kTrialsToSplitMax = 2'000;

bool IsLarge(const PoolState& state, SubspaceId box) {
  return state.tasks().TrialsIn(box).size() > kTrialsToSplitMax;
}

size_t StepThrough(const BoxScore& score) {
  return 1 + score.results.size() / kResultsLookedAt;
}

template <typename Each>
void ForEachResult(const BoxScore& score, size_t step, const Each& each) {
  size_t place = 0;
  for (const BoxScore::Result& result : score.results) {
    if (place++ % step == 0) each(result);
  }
}

struct Sample {
  const Architecture* architecture;
  double ppm = 0;
};

// Looked up once, for all dimensions.
std::vector<Sample> SamplesOf(const PoolState& state, const BoxScore& score) {
  std::vector<Sample> samples;
  ForEachResult(score, StepThrough(score), [&](const auto& result) {
    samples.push_back({&state.Find(result.trial)->architecture,
                       static_cast<double>(result.ppm)});
  });
  return samples;
}

uint64_t Bit(uint8_t choice) { return uint64_t{1} << choice; }

// What is known of the choices of one dimension.
struct Separation {
  double explained = 0;  // sum of squares between the two sides
  uint64_t worse = 0;    // the side with the lower mean
};

// The best cut of one dimension into two sides: for a sum of squares it lies
// between two choices in the order of their means (Breiman et al.,
// Classification and Regression Trees, 1984, 4.2.2).
Separation BestCut(const std::vector<Sample>& samples, size_t dimension) {
  struct Group {
    uint64_t bit = 0;
    double count = 0;
    double sum = 0;
  };
  std::array<Group, SearchSpace::kMaxChoices> groups;
  double count = 0;
  double sum = 0;
  for (const Sample& sample : samples) {
    const uint8_t choice = sample.architecture->choices[dimension];
    Group& group = groups[choice];
    group.bit = Bit(choice);
    group.count += 1;
    group.sum += sample.ppm;
    count += 1;
    sum += sample.ppm;
  }
  const auto end = std::remove_if(groups.begin(), groups.end(),
                                  [](const Group& g) { return g.bit == 0; });
  std::sort(groups.begin(), end, [](const Group& a, const Group& b) {
    return a.sum * b.count < b.sum * a.count;
  });
  Separation best;
  double low_count = 0;
  double low_sum = 0;
  uint64_t low = 0;
  for (auto group = groups.begin(); group != end; ++group) {
    low_count += group->count;
    low_sum += group->sum;
    low |= group->bit;
    if (low_count == count) break;
    const double gap =
        low_sum / low_count - (sum - low_sum) / (count - low_count);
    const double explained =
        gap * gap * low_count * (count - low_count) / count;
    if (explained > best.explained) best = {explained, low};
  }
  return best;
}

double SumOfSquares(const BoxScore& score, size_t step) {
  double mean = 0;
  double count = 0;
  ForEachResult(score, step, [&](const auto& result) {
    mean += static_cast<double>(result.ppm);
    ++count;
  });
  mean /= count;
  double squares = 0;
  ForEachResult(score, step, [&](const auto& result) {
    const double gap = static_cast<double>(result.ppm) - mean;
    squares += gap * gap;
  });
  return squares;
}

bool HasRoom(const PoolState& state, const PoolPolicy& policy, TaskId task) {
  return static_cast<int64_t>(state.IndexOf(task).boxes.ids().size()) <
         policy.boxes_per_task_max;
}

}  // namespace

SubspaceId SplitBox(Step& step, SubspaceRecord box, int64_t dimension,
                    uint64_t choices) {
  const auto d = static_cast<size_t>(dimension);
  const SearchSpace& space = step.state.Find(box.task)->spec->space;
  const int64_t prior_ppm =
      step.state.IndexOf(box.task).boxes.scores().at(box.id).RewardPpm();
  std::vector<uint64_t> stays = box.box.allowed();
  std::vector<uint64_t> goes = stays;
  ARCHPOOL_CHECK((choices & ~stays[d]) == 0);
  stays[d] &= ~choices;
  goes[d] = choices;
  auto stay = Subspace::Create(space, std::move(stays));
  auto go = Subspace::Create(space, std::move(goes));
  ARCHPOOL_CHECK(stay.ok() && go.ok());

  SubspaceRecord child{.id = step.state.NextSubspaceId(),
                       .task = box.task,
                       .box = *std::move(go),
                       .split_off = SplitOff{.parent = box.id,
                                             .dimension = dimension,
                                             .choices = choices,
                                             .prior_ppm = prior_ppm}};
  box.box = *std::move(stay);
  step.state.Put(box);
  step.state.Put(child);
  std::vector<TrialId> moved;
  for (const TrialId id : step.state.tasks().TrialsIn(box.id)) {
    const Trial& trial = *step.state.Find(id);
    if (child.box.Contains(trial.architecture)) moved.push_back(id);
  }
  for (const TrialId id : moved) {
    Trial trial = *step.state.Find(id);
    trial.subspace = child.id;
    step.state.Put(trial);
  }
  return child.id;
}

bool SplitByResults(Step& step, SubspaceId id) {
  const SubspaceRecord& box = *step.state.Find(id);
  const BoxScore& score = step.state.IndexOf(box.task).boxes.scores().at(id);
  if (score.accepted() < step.policy.results_to_split ||
      score.accepted() == score.unsplit_at || IsLarge(step.state, id) ||
      !HasRoom(step.state, step.policy, box.task)) {
    return false;
  }
  const std::vector<Sample> samples = SamplesOf(step.state, score);
  Separation best;
  int64_t best_dimension = 0;
  for (size_t d = 0; d < box.box.allowed().size(); ++d) {
    if (std::popcount(box.box.allowed()[d]) < 2) continue;
    const Separation cut = BestCut(samples, d);
    if (cut.explained <= best.explained) continue;
    best = cut;
    best_dimension = static_cast<int64_t>(d);
  }
  if (best.explained <= 0 ||
      best.explained <
          kExplainedMin * SumOfSquares(score, StepThrough(score))) {
    step.state.RememberUnsplit(box.task, id);
    return false;
  }
  SplitBox(step, box, best_dimension, best.worse);
  return true;
}

SubspaceId StealBox(Step& step, SubspaceId id, const Architecture& candidate) {
  const SubspaceRecord box = *step.state.Find(id);
  if (!HasRoom(step.state, step.policy, box.task)) return {};
  std::vector<uint64_t> used(box.box.allowed().size(), 0);
  for (const LeaseId lease : step.state.leases().On(id)) {
    for (const TrialId trial : step.state.Find(lease)->trials) {
      const Trial& record = *step.state.Find(trial);
      if (record.state != TrialState::kAssigned) continue;
      for (size_t d = 0; d < used.size(); ++d) {
        used[d] |= Bit(record.architecture.choices[d]);
      }
    }
  }
  int64_t dimension = -1;
  int free_most = 0;
  for (size_t d = 0; d < used.size(); ++d) {
    if ((used[d] & Bit(candidate.choices[d])) != 0) continue;
    const uint64_t free = box.box.allowed()[d] & ~used[d];
    // A lease whose list is empty for the moment keeps something, too.
    if (free == box.box.allowed()[d]) continue;
    if (std::popcount(free) <= free_most) continue;
    free_most = std::popcount(free);
    dimension = static_cast<int64_t>(d);
  }
  if (dimension < 0) return {};
  const auto d = static_cast<size_t>(dimension);
  // No more than the candidate's own choice of a large one, so that few trials
  // move.
  const uint64_t taken = IsLarge(step.state, id)
                             ? Bit(candidate.choices[d])
                             : box.box.allowed()[d] & ~used[d];
  return SplitBox(step, box, dimension, taken);
}

bool PruneIfHopeless(Step& step, SubspaceId id) {
  const SubspaceRecord& found = *step.state.Find(id);
  const TaskIndex& index = step.state.IndexOf(found.task);
  const BoxScore& score = index.boxes.scores().at(id);
  if (score.accepted() < step.policy.results_to_split ||
      score.trials > score.accepted()) {
    return false;
  }
  const auto count = static_cast<double>(score.accepted());
  double sum = 0;
  for (const auto& result : score.results) {
    sum += static_cast<double>(result.ppm);
  }
  const double reach =
      sum / count +
      kHopelessDeviations * std::sqrt(SumOfSquares(score, 1) / (count - 1));
  if (reach >= static_cast<double>(index.boxes.BestReward())) return false;
  SubspaceRecord box = found;
  box.state = SubspaceState::kPruned;
  box.prune_reason = "HOPELESS";
  step.state.Put(box);
  return true;
}

void CompleteIfDone(Step& step, SubspaceId id) {
  const SubspaceRecord& found = *step.state.Find(id);
  if (found.state != SubspaceState::kOpen) return;
  const BoxScore& score = step.state.IndexOf(found.task).boxes.scores().at(id);
  if (score.trials > score.accepted() || score.accepted() < found.box.size()) {
    return;
  }
  SubspaceRecord box = found;
  box.state = SubspaceState::kCompleted;
  step.state.Put(box);
}

void ReopenIfCompleted(Step& step, SubspaceId id) {
  const SubspaceRecord& found = *step.state.Find(id);
  if (found.state != SubspaceState::kCompleted) return;
  SubspaceRecord box = found;
  box.state = SubspaceState::kOpen;
  step.state.Put(box);
}

}  // namespace archpool::search
