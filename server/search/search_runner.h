// SPDX-License-Identifier: Apache-2.0
// Runs the SearchDesk on a thread of its own, beside the engine: it hears of
// every commit and hands in rankings as commands. What it has not heard of yet
// is coalesced, and it stops within a fraction of a second, whatever it is
// looking for. Thread-safe.
#ifndef ARCHPOOL_SERVER_SEARCH_SEARCH_RUNNER_H_
#define ARCHPOOL_SERVER_SEARCH_SEARCH_RUNNER_H_

#include <atomic>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "server/engine/engine.h"
#include "server/engine/engine_listener.h"
#include "server/search/search_desk.h"
#include "server/search/search_news.h"

namespace archpool {

class SearchRunner : public EngineListener {
 public:
  // `engine` outlives the runner.
  SearchRunner(Engine& engine, const SearchPolicySpec& policy,
               const PoolPolicy& pool_policy);
  ~SearchRunner() override;  // stops

  // Kept for the runner's own thread. After Stop, for nobody.
  void OnCommit(absl::Span<const Event> events) override
      ABSL_LOCKS_EXCLUDED(mutex_);
  void OnLoad(const PoolSnapshot& snapshot) override
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends the thread; idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  void Absorb(const SearchNews::Batch& batch);
  // Waits for news where there is nothing to look for.
  SearchNews::Batch TakeNews(bool is_idle) ABSL_LOCKS_EXCLUDED(mutex_);
  bool HasNews() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return stops_ || !news_.IsEmpty();
  }

  Engine& engine_;
  SearchDesk desk_;  // the thread's alone
  absl::Mutex mutex_;
  SearchNews news_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> stops_ = false;  // set with the mutex held
  std::thread thread_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_SEARCH_SEARCH_RUNNER_H_
