// SPDX-License-Identifier: Apache-2.0
// Which results advance to the next rung, and who trains them.
#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/nas/cost_table.h"
#include "common/nas/sampling.h"
#include "server/core/rules/network_setup.h"
#include "server/core/rules/work_price.h"
#include "server/core/search/search.h"
#include "server/core/search/starts.h"
#include "server/core/state/own_miners.h"
#include "server/core/state/queries.h"

namespace archpool::search {
namespace {

// Waiting results of a rung that one request passes, and those of other
// accounts that it looks into: bounds what a request costs.
constexpr int kWaitingSeenMax = 1'024;
constexpr int kOthersTriedMax = 64;
// After so many attempts that came to nothing its account has the result's
// weights no more, or not the means: it is trained from the start.
constexpr int64_t kResumptionsMax = 3;

// `result`'s network at the rung above: from its weights, or from the start.
Trial AtNextRung(const PoolState& state, const Task& task, const Trial& result,
                 bool resumes) {
  Trial trial{.task = task.id,
              .subspace = state.IndexOf(task.id).boxes.tree().Find(
                  task.spec->space, result.architecture),
              .architecture = result.architecture,
              .architecture_id = result.architecture_id,
              .parameters = result.parameters,
              .macs = result.macs,
              .rung = result.rung + 1,
              .resumes = resumes ? result.id : TrialId{}};
  const DatasetManifest& manifest = ManifestOf(state, task.id);
  const absl::StatusOr<Candidate> candidate = MakeCandidate(
      task.spec->space, trial.architecture, SetupOfKnown(task, manifest));
  ARCHPOOL_CHECK(candidate.ok());
  trial.work_units = TrialWorkUnits(candidate->plan, manifest.train_count,
                                    EpochsOf(task.spec->recipe, trial),
                                    manifest.validation_count);
  return trial;
}

bool IsGivenUp(const TaskIndex& index, TrialId result) {
  const auto found = index.networks.resumptions_given_up.find(result);
  return found != index.networks.resumptions_given_up.end() &&
         found->second >= kResumptionsMax;
}

// Its miner had its time, and does nothing.
bool IsForsaken(const PoolState& state, const Trial& result,
                absl::Duration patience, absl::Time now) {
  return now >= CommitTimeOf(result) + patience &&
         state.leases().CountOf(result.account) == 0;
}

// A primary's result and its backup's may both be among the best.
bool IsAmong(const std::vector<Trial>& trials, const Digest& architecture) {
  return std::any_of(trials.begin(), trials.end(), [&](const Trial& trial) {
    return trial.architecture_id == architecture;
  });
}

// A box is one worker's at a time; a pruned one is given up.
bool CanBegin(const PoolState& state, SubspaceId box) {
  const SubspaceState at = state.Find(box)->state;
  return at != SubspaceState::kLeased && at != SubspaceState::kPruned;
}

}  // namespace

bool IsPromoting(const PoolState& state, const Task& task) {
  const TaskIndex& index = state.IndexOf(task.id);
  const auto is_live = [&](const RungBoard::Result& waiting) {
    const Architecture& network = state.Find(waiting.trial)->architecture;
    return state.Find(index.boxes.tree().Find(task.spec->space, network))
               ->state != SubspaceState::kPruned;
  };
  return std::any_of(index.networks.rungs.begin(), index.networks.rungs.end(),
                     [&](const RungBoard& rung) {
                       return std::any_of(rung.waiting().begin(),
                                          rung.waiting().end(), is_live);
                     });
}

Trial FromTheStart(const PoolState& state, const Task& task,
                   const Trial& trial) {
  if (trial.resumes.IsSet()) {
    return AtNextRung(state, task, *state.Find(trial.resumes), false);
  }
  return Trial{.task = trial.task,
               .subspace = trial.subspace,
               .architecture = trial.architecture,
               .architecture_id = trial.architecture_id,
               .parameters = trial.parameters,
               .macs = trial.macs,
               .work_units = trial.work_units,
               .rung = trial.rung};
}

std::vector<Trial> Promotions(const Step& step, const Task& task,
                              Seeker& seeker, SubspaceId box, int64_t count,
                              WorkUnits units_left) {
  const PoolState& state = step.state;
  const AccountId account = seeker.session.account;
  std::vector<Trial> promotions;
  const TaskIndex& index = state.IndexOf(task.id);
  int others_looked_at = 0;
  const auto may_have = [&](const RungBoard::Result& waiting, bool& is_own) {
    const bool is_given_up = IsGivenUp(index, waiting.trial);
    is_own = waiting.account == account && !is_given_up;
    if (is_own || is_given_up) return true;
    return ++others_looked_at <= kOthersTriedMax &&
           IsForsaken(state, *state.Find(waiting.trial), step.policy.lease_term,
                      step.now);
  };
  for (auto board = index.networks.rungs.rbegin();
       board != index.networks.rungs.rend(); ++board) {
    int seen = 0;
    for (const RungBoard::Result& waiting : board->waiting()) {
      if (static_cast<int64_t>(promotions.size()) >= count) return promotions;
      if (++seen > kWaitingSeenMax) break;
      bool is_own = false;
      if (!may_have(waiting, is_own) ||
          IsAmong(promotions, waiting.architecture) ||
          index.networks.WasRejected(account, waiting.architecture,
                                     state.Find(waiting.trial)->rung + 1)) {
        continue;
      }
      const Trial& result = *state.Find(waiting.trial);
      const bool is_trusted = IsTrusted(state, step.policy, result.account);
      if (!(IsSeen(result) || is_trusted) || IsVoid(state, result)) continue;
      const SubspaceId its_box =
          index.boxes.tree().Find(task.spec->space, result.architecture);
      if (box.IsSet() ? its_box != box : !CanBegin(state, its_box)) continue;
      // The pool gives no other weights back than audited ones; of the others
      // its miner's worker has a copy, or gives the training back.
      const bool resumes =
          is_own && (is_trusted || BasisOf(result) >= TrialBasis::kAudited);
      Trial trial = AtNextRung(state, task, result, resumes);
      if (trial.work_units > units_left) {
        seeker.too_dear = true;
        continue;
      }
      if (!seeker.HasRoomFor(state, result)) continue;
      units_left -= trial.work_units;
      box = its_box;
      promotions.push_back(std::move(trial));
    }
  }
  return promotions;
}

LeaseStart StartFromPromotions(Step& step, const Task& task, Seeker& seeker) {
  const TaskIndex& index = step.state.IndexOf(task.id);
  if (index.networks.rungs.empty()) return {};
  std::vector<Trial> promotions =
      Promotions(step, task, seeker, {},
                 std::min(step.policy.list_ahead, TrialsLeft(task, index)),
                 UnitsLeft(step, task, seeker.session.account));
  if (promotions.empty()) return {};
  const SubspaceId box = promotions[0].subspace;
  ReopenIfCompleted(step, box);
  return {.box = box, .trials = std::move(promotions)};
}

}  // namespace archpool::search
