#include "server/rpc/task_hub.h"

#include <utility>
#include <vector>

namespace archpool::rpc {

int64_t TaskHub::Subscribe(TaskId task, std::function<void()> changed) {
  absl::MutexLock lock(&mutex_);
  if (count_ >= subscribers_max_) return 0;
  ++count_;
  tasks_[task].emplace(++last_id_, std::move(changed));
  return last_id_;
}

void TaskHub::Unsubscribe(TaskId task, int64_t subscriber) {
  absl::MutexLock lock(&mutex_);
  const auto found = tasks_.find(task);
  if (found == tasks_.end() || found->second.erase(subscriber) == 0) return;
  --count_;
  if (found->second.empty()) tasks_.erase(found);
}

void TaskHub::Touch(TaskId task) {
  std::vector<std::function<void()>> called;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = tasks_.find(task);
    if (found == tasks_.end()) return;
    for (const auto& [id, changed] : found->second) called.push_back(changed);
  }
  for (const auto& changed : called) changed();
}

void TaskHub::TouchAll() {
  std::vector<TaskId> watched;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [task, subscribers] : tasks_) watched.push_back(task);
  }
  for (const TaskId task : watched) Touch(task);
}

}  // namespace archpool::rpc
