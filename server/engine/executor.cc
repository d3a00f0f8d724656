// SPDX-License-Identifier: Apache-2.0
#include "server/engine/executor.h"

#include <utility>

#include "common/base/status.h"

namespace archpool {

Executor::Executor(int threads, int64_t queue_max) : queue_max_(queue_max) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { Work(); });
  }
}

Executor::~Executor() { Stop(); }

absl::Status Executor::Run(std::function<void()> job) {
  absl::MutexLock lock(&mutex_);
  if (stopping_) {
    return Unavailable("SERVER_STOPPING",
                       "the server is stopping; try again in a moment");
  }
  if (static_cast<int64_t>(jobs_.size()) >= queue_max_) {
    return Unavailable("SERVER_BUSY",
                       "too many calls are waiting for the server's "
                       "disk or database; try again in a second");
  }
  jobs_.push_back(std::move(job));
  return absl::OkStatus();
}

void Executor::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Executor::Work() {
  const auto has_work = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !jobs_.empty();
  };
  while (true) {
    std::function<void()> job;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&has_work));
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace archpool
