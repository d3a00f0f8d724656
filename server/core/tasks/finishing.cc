// SPDX-License-Identifier: Apache-2.0
// How an active task comes to its end: what is under way may still be
// committed, and nothing new begins.
#include <algorithm>
#include <vector>

#include "server/core/state/queries.h"
#include "server/core/tasks/tasks.h"

namespace archpool::tasks {

void BeginFinishing(Step& step, TaskId id, EndReason reason) {
  const Task* found = step.state.Find(id);
  if (found == nullptr || found->state != TaskState::kActive) return;
  Task task = *found;
  task.state = TaskState::kFinishing;
  task.end_reason = reason;
  step.state.Put(task);
  step.memory.too_large.erase(id);
  step.facts.push_back(TaskFinishing{id});
}

namespace {

// Enough results were measured to be at chance, and none that shows learning;
// of more accounts than one where there are more.
bool NothingLearns(const Step& step, TaskId id) {
  const TaskIndex& index = step.state.IndexOf(id);
  if (index.tally.learnt > 0) return false;
  // One that may be better is examined first.
  if (index.tally.pending > index.tally.pending_at_chance) return false;
  // The claims of the operator's own miners are believed; not those of one
  // machine alone where another account's is at work, since it may be broken.
  if (step.policy.own_miners_ppm > 0 && index.tally.above_chance == 0 &&
      index.tally.accepted >= step.policy.nothing_learns_trials) {
    return std::all_of(
        index.leases.begin(), index.leases.end(), [&](LeaseId lease) {
          return index.tally.immature.contains(step.state.Find(lease)->account);
        });
  }
  if (index.tally.at_chance < step.policy.nothing_learns_trials) return false;
  // One account's results alone end it only where nobody else is at work.
  const auto is_another = [&](AccountId account) {
    return !index.tally.at_chance_by.contains(account);
  };
  const bool has_others =
      std::any_of(index.leases.begin(), index.leases.end(),
                  [&](LeaseId lease) {
                    return is_another(step.state.Find(lease)->account);
                  }) ||
      std::any_of(index.tally.immature.begin(), index.tally.immature.end(),
                  [&](const auto& claims) { return is_another(claims.first); });
  if (index.tally.at_chance_by.size() < 2 && has_others) return false;
  return true;
}

}  // namespace

void EndIfMet(Step& step, TrialId accepted) {
  const Trial* trial = step.state.Find(accepted);
  if (trial == nullptr) return;
  const Task& task = *step.state.Find(trial->task);
  if (task.state != TaskState::kActive) return;
  const int64_t target = task.spec->budget.target_accuracy_ppm;
  const TaskIndex& index = step.state.IndexOf(task.id);
  // What is void frees its part of the budget, and shows nothing.
  const bool is_counted = !HasVoid(step.state, task.id);
  if (is_counted && NothingLearns(step, task.id)) {
    BeginFinishing(step, task.id, EndReason::kNothingLearns);
  } else if (target > 0 && !trial->is_at_chance &&
             VerifiedAccuracyPpm(*trial) >= target) {
    BeginFinishing(step, task.id, EndReason::kTarget);
  } else if (is_counted && TrialsLeft(task, index) <= 0 &&
             index.tally.assigned + index.tally.pending == 0) {
    BeginFinishing(step, task.id, EndReason::kBudget);
  }
}

}  // namespace archpool::tasks
