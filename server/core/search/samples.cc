// SPDX-License-Identifier: Apache-2.0
// What a lease begins with where nothing is ranked: networks sampled at random
// in the most promising boxes.
#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/base/counter_rng.h"
#include "common/crypto/canonical.h"
#include "common/nas/cost_table.h"
#include "common/nas/sampling.h"
#include "server/core/rules/network_setup.h"
#include "server/core/search/boxes.h"
#include "server/core/search/search.h"
#include "server/core/state/queries.h"

namespace archpool::search {
namespace {

// Samples of one subspace that are too expensive for what is left of the
// budget.
constexpr int kTooDearMax = 4;
// Where the usual draws find nothing new in a subspace: it is gone through
// whole if it is this small, else sampled from this often, before it counts as
// completed. Over as many requests as that takes.
constexpr int64_t kLastLookAttempts = 4096;
// Subspaces that one request tries: bounds what a request costs.
constexpr size_t kSubspacesTriedMax = 64;
// Subspaces that it passes over because earlier ones found nothing there for
// such a worker.
constexpr size_t kSubspacesPassedMax = 1'024;

Digest SampleKey(const Task& task, SubspaceId subspace) {
  return HmacSha256(
      task.secret,
      CanonicalWriter("archpool/draw/v1").Int(subspace.value).encoding());
}

WorkUnits CostOf(const Candidate& candidate, const TaskSpec& spec,
                 const DatasetManifest& manifest) {
  return TrialWorkUnits(candidate.plan, manifest.train_count,
                        spec.recipe.epochs, manifest.validation_count);
}

// Every draw its own numbers: a list draws again as it grows.
uint64_t StreamOf(const PoolState& state, const SubspaceRecord& subspace) {
  return static_cast<uint64_t>(subspace.attempt) * 4096 +
         static_cast<uint64_t>(state.tasks().TrialsIn(subspace.id).size());
}

// No trial of the subspace may still come to nothing and free its network.
bool IsSettled(const TaskIndex& index, SubspaceId subspace) {
  const auto score = index.boxes.scores().find(subspace);
  return score == index.boxes.scores().end() ||
         score->second.trials == score->second.accepted();
}

}  // namespace

LeaseStart StartFromSamples(Step& step, const Task& task, Seeker& seeker,
                            Looks& looks) {
  const WorkUnits units_left = UnitsLeft(step, task, seeker.session.account);
  // What is kept of the search that found nothing here for such a worker.
  const auto over_for_it = [&](SubspaceId id) -> std::optional<BoxWalk> {
    BoxWalk walk = step.state.IndexOf(task.id).memory.WalkOf(
        id, StreamOf(step.state, *step.state.Find(id)), seeker.session.account,
        seeker.room, units_left);
    if (!walk.is_over || walk.IsForAll()) return std::nullopt;
    return walk;
  };
  // Most leases come from the first; drawing changes the order, so a copy of a
  // few is walked.
  std::vector<SubspaceId> promising;
  size_t tried = 0;
  size_t passed = 0;
  for (const auto& [promise, id] : step.state.IndexOf(task.id).boxes.open()) {
    promising.push_back(id);
    if (over_for_it(id) ? ++passed == kSubspacesPassedMax
                        : ++tried == kSubspacesTriedMax) {
      break;
    }
  }
  for (const SubspaceId id : promising) {
    if (looks.Left(task.spec->space) <= 0) break;
    if (PruneIfHopeless(step, id)) continue;
    SplitByResults(step, id);
    if (const std::optional<BoxWalk> walk = over_for_it(id)) {
      seeker.too_large.Add(walk->too_large);
      continue;
    }
    SampledTrials sampled = SampleTrials(step, task, *step.state.Find(id),
                                         seeker, step.policy.list_ahead, looks);
    if (!sampled.trials.empty()) {
      const int64_t most =
          ListTarget(step, task, seeker.session, sampled.trials[0].work_units);
      if (static_cast<int64_t>(sampled.trials.size()) > most) {
        sampled.trials.resize(static_cast<size_t>(most));
      }
      return {.box = id, .trials = std::move(sampled.trials)};
    }
    if (!sampled.nothing_left) continue;
    SubspaceRecord box = *step.state.Find(id);
    if (step.state.tasks().TrialsIn(id).empty()) {
      box.state = SubspaceState::kPruned;
      box.prune_reason = "NO_POSSIBLE_ARCHITECTURE";
    } else {
      box.state = SubspaceState::kCompleted;
    }
    step.state.Put(box);
  }
  return {};
}

std::optional<Candidate> SampleFirst(Step& step, const Task& task,
                                     const SubspaceRecord& subspace,
                                     Seeker& seeker, uint64_t stream,
                                     CounterRng& rng, Looks& looks,
                                     bool& nothing_left) {
  const TaskSpec& spec = *task.spec;
  const DatasetManifest& manifest = ManifestOf(step.state, task.id);
  const AccountId account = seeker.session.account;
  const WorkUnits units_left = UnitsLeft(step, task, account);
  const TaskIndex& index = step.state.IndexOf(task.id);
  const NetworkSetup setup = SetupOf(task, manifest, step.policy);
  BoxWalk walk = index.memory.WalkOf(subspace.id, stream, account, seeker.room,
                                     units_left);
  // Taken; or others may still train it.
  const auto is_passed = [&](const Candidate& candidate) {
    if (index.networks.IsTaken(candidate.id)) {
      walk.taken.Add(candidate.id);
      return true;
    }
    if (index.networks.WasRejected(account, candidate.id)) {
      walk.rejected_of = account;
      return true;
    }
    if (seeker.room.IsUnlimited()) return false;
    const WorkUnits cost = CostOf(candidate, spec, manifest);
    if (cost > units_left) return false;
    const TrainingSize size = SizeOf(candidate.plan, spec.recipe);
    if (seeker.room.Fits(size)) return false;
    walk.too_large.Add(size, seeker.room);
    walk.dearest_too_large = std::max(walk.dearest_too_large, cost);
    return true;
  };
  // The usual draws, then the last look: one row of attempts.
  const int64_t usual = std::min(subspace.box.size(), kSampleAttemptsMax);
  int64_t before = 0;
  bool is_over = false;
  for (const int64_t attempts : {kSampleAttemptsMax, kLastLookAttempts}) {
    const int64_t begin = std::max<int64_t>(0, walk.looked - before);
    SampleStep sampled = SampleFurther(
        spec.space, subspace.box, setup, is_passed, rng, attempts,
        before == 0 ? std::min(begin, usual) : begin, looks.Left(spec.space));
    const int64_t looked = std::max(walk.looked, before + sampled.end);
    looks.Take(spec.space, looked - walk.looked);
    walk.looked = sampled.candidate ? looked - 1 : looked;
    if (walk.IsForAll()) walk.looked_for_all = walk.looked;
    if (sampled.candidate) {
      // An account that may have it finds it at once.
      step.state.MemoryOf(task.id).walks[subspace.id] = walk;
      return std::move(sampled.candidate);
    }
    is_over = sampled.is_over;
    if (!is_over || subspace.box.size() <= attempts) break;
    before = usual;
  }
  walk.is_over = is_over;
  step.state.MemoryOf(task.id).walks[subspace.id] = walk;
  seeker.too_large.Add(walk.too_large);
  nothing_left = is_over && walk.IsForAll() && IsSettled(index, subspace.id);
  return std::nullopt;
}

SampledTrials SampleTrials(Step& step, const Task& task,
                           const SubspaceRecord& subspace, Seeker& seeker,
                           int64_t count_max, Looks& looks) {
  const TaskSpec& spec = *task.spec;
  const DatasetManifest& manifest = ManifestOf(step.state, task.id);
  const TaskIndex& index = step.state.IndexOf(task.id);
  const NetworkSetup setup = SetupOf(task, manifest, step.policy);
  count_max =
      std::min({count_max, spec.trials_per_lease, TrialsLeft(task, index)});
  const AccountId account = seeker.session.account;
  WorkUnits units_left = UnitsLeft(step, task, account);
  const uint64_t stream = StreamOf(step.state, subspace);
  CounterRng rng(SampleKey(task, subspace.id).Prefix64(), stream);
  std::set<Digest> seen;
  const auto is_passed = [&](const Candidate& candidate) {
    return index.networks.IsTaken(candidate.id) ||
           seen.contains(candidate.id) ||
           index.networks.WasRejected(account, candidate.id) ||
           !(seeker.room.IsUnlimited() ||
             seeker.room.Fits(SizeOf(candidate.plan, spec.recipe)));
  };
  SampledTrials sampled;
  int too_dear = 0;
  while (static_cast<int64_t>(sampled.trials.size()) < count_max &&
         too_dear < kTooDearMax) {
    std::optional<Candidate> candidate;
    if (seen.empty()) {
      candidate = SampleFirst(step, task, subspace, seeker, stream, rng, looks,
                              sampled.nothing_left);
    } else {
      SampleStep next = SampleFurther(
          spec.space, subspace.box, setup, is_passed, rng, kSampleAttemptsMax,
          0, std::min(looks.Left(spec.space), kSampleAttemptsMax));
      looks.Take(spec.space, next.end);
      candidate = std::move(next.candidate);
    }
    if (!candidate) break;
    seen.insert(candidate->id);
    const WorkUnits cost = CostOf(*candidate, spec, manifest);
    if (cost > units_left) {
      ++too_dear;
      continue;
    }
    units_left -= cost;
    sampled.trials.push_back(
        Trial{.task = task.id,
              .subspace = subspace.id,
              .architecture = std::move(candidate->architecture),
              .architecture_id = candidate->id,
              .parameters = candidate->plan.parameters,
              .macs = candidate->plan.macs,
              .work_units = cost});
  }
  seeker.too_dear |= too_dear > 0;
  return sampled;
}

}  // namespace archpool::search
