// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/timer.h"

namespace archpool::rpc {

Timer::Timer() : thread_([this] { Run(); }) {}

Timer::~Timer() { Stop(); }

Timer::Entry Timer::After(absl::Duration delay,
                          std::function<void()> callback) {
  const Moment moment =
      std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(delay);
  absl::MutexLock lock(&mutex_);
  const Entry entry(moment, ++last_id_);
  const bool is_first = due_.empty() || entry < due_.begin()->first;
  if (!stopping_) due_.emplace(entry, std::move(callback));
  if (is_first) changed_.Ring();
  return entry;
}

bool Timer::Cancel(const Entry& entry) {
  absl::MutexLock lock(&mutex_);
  return due_.erase(entry) == 1;
}

void Timer::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    due_.clear();
    changed_.Ring();
  }
  if (thread_.joinable()) thread_.join();
}

void Timer::Run() {
  while (true) {
    std::function<void()> callback;
    absl::Duration wait = absl::InfiniteDuration();
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return;
      if (!due_.empty()) {
        const auto next = due_.begin();
        wait = absl::FromChrono(next->first.first -
                                std::chrono::steady_clock::now());
        if (wait <= absl::ZeroDuration()) {
          callback = std::move(next->second);
          due_.erase(next);
        }
      }
    }
    if (callback) {
      callback();
    } else {
      changed_.Wait(wait);
    }
  }
}

}  // namespace archpool::rpc
