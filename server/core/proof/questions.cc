// SPDX-License-Identifier: Apache-2.0
// What is asked for of trials that were taken without a check, before anything
// follows from them: segments of miners, whole replays of verifiers.
#include <optional>
#include <utility>
#include <vector>

#include "server/core/leaves/audit_draw.h"
#include "server/core/proof/parts.h"
#include "server/core/proof/proof.h"
#include "server/core/rules/arithmetics.h"
#include "server/core/rules/training_steps.h"
#include "server/core/state/answers.h"
#include "server/core/state/own_miners.h"
#include "server/core/state/queries.h"

namespace archpool::proof {

namespace {

// How many of the results that wait to continue are examined, by rung.
constexpr int kWaitingSeenMax = 1'024;

// A block that never became a whole one.
bool IsShort(const PoolPolicy& policy, const Immature& block) {
  return std::ssize(block) < policy.credit_block;
}

// What needs nothing of the miner.
void AskVerifiers(Step& step, const Trial& trial, AuditKind kind) {
  Audit audit{.id = step.state.NextAuditId(),
              .trial = trial.id,
              .task = trial.task,
              .kind = kind,
              .measures_all = true};
  AwaitVerifiers(step.state, step.policy, audit, step.now);
  step.state.Put(audit);
}

void AskWhole(Step& step, const Trial& trial) {
  AskVerifiers(
      step, trial,
      IsReplayable(trial) ? AuditKind::kWhole : AuditKind::kEvaluation);
}

// The result, with all that it grew from, as far as it was not replayed in full
// and can be. Nothing where its miner is believed.
std::vector<Trial> UnprovenBelow(const Step& step, const Trial& finalist) {
  const PoolState& state = step.state;
  std::vector<Trial> unproven;
  if (IsTrusted(state, step.policy, finalist.account)) return unproven;
  for (const Trial* trial = &finalist;
       trial != nullptr && !trial->known_from.IsSet();
       trial = state.Find(trial->resumes)) {
    if (BasisOf(*trial) != TrialBasis::kReplayed && IsReplayable(*trial)) {
      unproven.push_back(*trial);
    }
  }
  return unproven;
}

}  // namespace

void AskSegment(Step& step, const Trial& trial, bool measures_all) {
  const Task& task = *step.state.Find(trial.task);
  const AuditDraw draw = DrawOf(task, trial);
  const std::optional<int64_t> diverged = CommitmentOf(trial).diverged_at_step;
  if (diverged && draw.is_whole_if_diverged) {
    return AskVerifiers(step, trial, AuditKind::kWhole);
  }
  const Recipe& recipe = task.spec->recipe;
  const int64_t segment =
      diverged ? SegmentOfStep(
                     StepsOf(recipe, ManifestOf(step.state, task.id), trial),
                     recipe.segments, *diverged)
               : draw.segment;
  const bool has_weights =
      trial.state == TrialState::kAccepted && WantsWeights(recipe, trial);
  Audit audit{.id = step.state.NextAuditId(),
              .trial = trial.id,
              .task = trial.task,
              .state = AuditState::kAsked,
              .segment = segment,
              .measures_all = measures_all,
              .missing = kPartOpening};
  if (!has_weights) audit.missing |= kPartWeights;
  if (segment > 0) audit.missing |= kPartBeginWeights | kPartBeginOptimizer;
  audit.expire_time =
      AnswerDeadline(step.state, step.policy, trial, audit.missing, step.now);
  step.state.Put(audit);
}

void AskPromotable(Step& step, TaskId task) {
  std::vector<TrialId> asked;
  for (const RungBoard& rung : step.state.IndexOf(task).networks.rungs) {
    int seen = 0;
    for (const RungBoard::Result& waiting : rung.waiting()) {
      if (++seen > kWaitingSeenMax) break;
      const Trial& trial = *step.state.Find(waiting.trial);
      if (!IsSeen(trial) && !IsVoid(step.state, trial) &&
          !IsTrusted(step.state, step.policy, trial.account) &&
          !step.state.audits().Of(waiting.trial).IsSet()) {
        asked.push_back(waiting.trial);
      }
    }
  }
  for (const TrialId id : asked) {
    const Trial& trial = *step.state.Find(id);
    if (IsMatured(trial)) {
      // Its miner was told that it is settled: it may be gone, and keeps
      // nothing that could be asked for.
      AskWhole(step, trial);
    } else {
      AskSegment(step, trial, /*measures_all=*/false);
    }
  }
}

void AskShortBlocks(Step& step, TaskId task) {
  const TaskIndex& index = step.state.IndexOf(task);
  absl::btree_set<AccountId> at_work;
  for (const LeaseId lease : index.leases) {
    at_work.insert(step.state.Find(lease)->account);
  }
  std::vector<TrialId> asked;
  // What it does not come to is asked for before the task is settled.
  int64_t looks_left = kLooksPerWrite * step.policy.settle_trials_max;
  for (const auto& [account, block] : index.tally.immature) {
    if (looks_left <= 0) break;
    if (!IsShort(step.policy, block) || at_work.contains(account) ||
        IsTrusted(step.state, step.policy, account)) {
      continue;
    }
    for (const auto& [commit_time, id] : block) {
      if (looks_left-- <= 0) break;
      if (std::ssize(asked) < step.policy.settle_trials_max &&
          BasisOf(*step.state.Find(id)) == TrialBasis::kSampledOut &&
          !step.state.audits().Of(id).IsSet()) {
        asked.push_back(id);
      }
    }
  }
  for (const TrialId id : asked) {
    AskSegment(step, *step.state.Find(id), /*measures_all=*/false);
  }
}

bool LookForLastSegments(const Step& step, TaskId task, Settling& settling) {
  const TaskIndex& index = step.state.IndexOf(task);
  const auto& immature = index.tally.immature;
  int64_t looks_left = kLooksPerWrite * step.policy.settle_trials_max;
  auto account = immature.lower_bound(settling.looked_at.account);
  for (; account != immature.end(); ++account) {
    if (IsTrusted(step.state, step.policy, account->first)) continue;
    const auto& block = account->second;
    auto next = account->first == settling.looked_at.account
                    ? block.upper_bound(settling.looked_at.claim)
                    : block.begin();
    for (; next != block.end(); ++next) {
      if (looks_left-- <= 0) return false;
      settling.looked_at = {account->first, *next};
      const Trial& trial = *step.state.Find(next->second);
      // Hidden by a result that was refuted since, perhaps.
      const bool is_top =
          !VerifiedAccuracyPpm(trial) && IsResult(trial) &&
          index.claims.IsTop(CommitmentOf(trial).claimed_correct, trial.macs);
      const bool is_due = IsShort(step.policy, block) &&
                          BasisOf(trial) == TrialBasis::kSampledOut;
      if (is_top || is_due) settling.to_ask.push_back({trial.id, is_top});
    }
  }
  return true;
}

bool AskLastSegments(Step& step, const Settling& settling) {
  // The rest once these are answered: the search for them begins again then.
  int64_t count = step.policy.settle_trials_max;
  for (const auto& [id, is_top] : settling.to_ask) {
    if (count-- <= 0) break;
    AskSegment(step, *step.state.Find(id), is_top);
  }
  return !settling.to_ask.empty();
}

void AskEvaluation(Step& step, const Trial& trial) {
  AskVerifiers(step, trial, AuditKind::kEvaluation);
}

bool AskUnproven(Step& step, const std::vector<Trial>& finalists) {
  bool asks = false;
  for (const Trial& finalist : finalists) {
    for (const Trial& trial : UnprovenBelow(step, finalist)) {
      AskWhole(step, trial);
      asks = true;
    }
  }
  return asks;
}

bool BarUnproven(Step& step, const std::vector<Trial>& finalists) {
  bool bars = false;
  for (Trial finalist : finalists) {
    if (UnprovenBelow(step, finalist).empty()) continue;
    VerdictIn(finalist).is_barred = true;
    step.state.Put(finalist);
    bars = true;
  }
  return bars;
}

}  // namespace archpool::proof
