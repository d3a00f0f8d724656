// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/task_hub.h"

#include <utility>
#include <vector>

namespace archpool::rpc {

int64_t TaskHub::Subscribe(TaskId task, AccountId account,
                           std::function<void()> changed) {
  absl::MutexLock lock(&mutex_);
  if (count_ >= subscribers_max_) return 0;
  int64_t& own = counts_[account];
  if (own >= kWatchesPerAccountMax) return 0;
  ++own;
  ++count_;
  tasks_[task].emplace(++last_id_, Subscriber{account, std::move(changed)});
  return last_id_;
}

void TaskHub::Unsubscribe(TaskId task, int64_t subscriber) {
  absl::MutexLock lock(&mutex_);
  const auto found = tasks_.find(task);
  if (found == tasks_.end()) return;
  const auto gone = found->second.find(subscriber);
  if (gone == found->second.end()) return;
  const auto own = counts_.find(gone->second.account);
  if (--own->second == 0) counts_.erase(own);
  found->second.erase(gone);
  --count_;
  if (found->second.empty()) tasks_.erase(found);
}

int64_t TaskHub::count() const {
  absl::MutexLock lock(&mutex_);
  return count_;
}

int64_t TaskHub::CountOf(AccountId account) const {
  absl::MutexLock lock(&mutex_);
  const auto own = counts_.find(account);
  return own == counts_.end() ? 0 : own->second;
}

void TaskHub::Touch(TaskId task) {
  std::vector<std::function<void()>> called;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = tasks_.find(task);
    if (found == tasks_.end()) return;
    for (const auto& [id, subscriber] : found->second) {
      called.push_back(subscriber.changed);
    }
  }
  for (const auto& changed : called) changed();
}

void TaskHub::TouchOf(AccountId account) {
  std::vector<std::function<void()>> called;
  {
    absl::MutexLock lock(&mutex_);
    if (!counts_.contains(account)) return;
    for (const auto& [task, subscribers] : tasks_) {
      for (const auto& [id, subscriber] : subscribers) {
        if (subscriber.account == account) called.push_back(subscriber.changed);
      }
    }
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
