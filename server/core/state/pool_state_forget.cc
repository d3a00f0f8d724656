// What is in memory alone; and how an ended task leaves it: at once as far as
// anybody can see, and its records a few at a time.
#include "common/base/check.h"
#include "server/core/state/pool_state.h"

namespace archpool {
namespace {

// What the end of a small task frees in the same command.
constexpr int64_t kForgottenAtOnce = 2'000;

}  // namespace

absl::btree_map<TaskId, TaskMemory> PoolState::TaskMemories() const {
  return {indexes_.begin(), indexes_.end()};
}

void PoolState::Remember(const absl::btree_map<TaskId, TaskMemory>& memories) {
  for (const auto& [task, memory] : memories) {
    static_cast<TaskMemory&>(indexes_.at(task)) = memory;
  }
}

void PoolState::Forget(TaskId task) {
  task_order_.erase({0, task});
  tasks_.erase(task);
  const auto found = indexes_.find(task);
  if (found == indexes_.end()) return;
  ARCHPOOL_CHECK(found->second.leases.empty() && found->second.audits.empty());
  forgotten_.insert(indexes_.extract(found));
  ForgetSome(kForgottenAtOnce);
}

void PoolState::ForgetSome(int64_t count) {
  while (!forgotten_.empty()) {
    TaskIndex& index = forgotten_.begin()->second;
    for (; !index.trials.empty(); --count) {
      if (count <= 0) return;
      trials_.erase(*index.trials.begin());
      index.trials.erase(index.trials.begin());
    }
    for (; !index.subspaces.empty(); --count) {
      if (count <= 0) return;
      const SubspaceId id = *index.subspaces.begin();
      subspaces_.erase(id);
      subspace_trials_.erase(id);
      index.subspaces.erase(index.subspaces.begin());
    }
    forgotten_.erase(forgotten_.begin());
  }
}

}  // namespace archpool
