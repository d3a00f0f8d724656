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
  if (is_first) changed_.Signal();
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
    changed_.Signal();
  }
  if (thread_.joinable()) thread_.join();
}

void Timer::Run() {
  while (true) {
    std::function<void()> callback;
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return;
      if (due_.empty()) {
        changed_.Wait(&mutex_);
        continue;
      }
      const auto next = due_.begin();
      const Moment now = std::chrono::steady_clock::now();
      if (next->first.first > now) {
        changed_.WaitWithTimeout(&mutex_,
                                 absl::FromChrono(next->first.first - now));
        continue;
      }
      callback = std::move(next->second);
      due_.erase(next);
    }
    callback();
  }
}

}  // namespace archpool::rpc
