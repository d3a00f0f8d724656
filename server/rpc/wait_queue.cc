// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/wait_queue.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace archpool::rpc {

int64_t WaitQueue::version() const {
  absl::MutexLock lock(&mutex_);
  return version_;
}

int64_t WaitQueue::size() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int64_t>(waiters_.size());
}

WaitQueue::WaiterId WaitQueue::Park(AccountId account, absl::Duration wait,
                                    int64_t seen_version, Callback callback) {
  std::optional<Wake> at_once;
  WaiterId id = 0;
  {
    absl::MutexLock lock(&mutex_);
    id = ++last_id_;
    const auto mine = per_account_.find(account);
    if (stopping_ ||
        static_cast<int64_t>(waiters_.size()) >= limits_.waiters_max ||
        (mine != per_account_.end() &&
         mine->second >= limits_.per_account_max)) {
      at_once = Wake::kRefused;
    } else if (version_ != seen_version) {
      at_once = Wake::kEvent;
    } else {
      const Timer::Entry deadline = timer_.After(wait, [this, id] {
        if (const Callback expired = Take(id)) expired(Wake::kTimeout);
      });
      waiters_.emplace(id, Waiter{account, std::move(callback), deadline});
      ++per_account_[account];
    }
  }
  // Moved away above only where it is not called at once.
  // NOLINTNEXTLINE(bugprone-use-after-move)
  if (at_once) callback(*at_once);
  return id;
}

WaitQueue::Callback WaitQueue::TakeLocked(WaiterId id) {
  const auto found = waiters_.find(id);
  if (found == waiters_.end()) return nullptr;
  Waiter waiter = std::move(found->second);
  waiters_.erase(found);
  timer_.Cancel(waiter.deadline);
  const auto mine = per_account_.find(waiter.account);
  if (--mine->second == 0) per_account_.erase(mine);
  return std::move(waiter.callback);
}

WaitQueue::Callback WaitQueue::Take(WaiterId id) {
  absl::MutexLock lock(&mutex_);
  return TakeLocked(id);
}

bool WaitQueue::Cancel(WaiterId id) { return Take(id) != nullptr; }

void WaitQueue::Notify(int64_t count) {
  {
    absl::MutexLock lock(&mutex_);
    ++version_;
    const auto waiting = static_cast<int64_t>(waiters_.size());
    owed_ =
        owed_ > waiting - std::min(count, waiting) ? waiting : owed_ + count;
    if (std::exchange(is_waking_, true)) return;
  }
  while (true) {
    Callback next;
    {
      absl::MutexLock lock(&mutex_);
      if (owed_ <= 0 || waiters_.empty()) {
        owed_ = 0;
        is_waking_ = false;
        return;
      }
      --owed_;
      next = TakeLocked(waiters_.begin()->first);
    }
    next(Wake::kEvent);
  }
}

void WaitQueue::NotifyOf(AccountId account) {
  std::vector<Callback> woken;
  {
    absl::MutexLock lock(&mutex_);
    ++version_;
    std::vector<WaiterId> mine;
    if (per_account_.contains(account)) {
      for (const auto& [id, waiter] : waiters_) {
        if (waiter.account == account) mine.push_back(id);
      }
    }
    for (const WaiterId id : mine) woken.push_back(TakeLocked(id));
  }
  for (const Callback& callback : woken) callback(Wake::kEvent);
}

void WaitQueue::Stop() {
  std::vector<Callback> refused;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    while (!waiters_.empty()) {
      refused.push_back(TakeLocked(waiters_.begin()->first));
    }
  }
  for (const Callback& callback : refused) callback(Wake::kRefused);
}

}  // namespace archpool::rpc
