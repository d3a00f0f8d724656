// Runs the SearchDesk on a thread of its own, beside the engine: it hears of
// every commit and hands in rankings as commands. Thread-safe.
#ifndef ARCHPOOL_SERVER_SEARCH_SEARCH_RUNNER_H_
#define ARCHPOOL_SERVER_SEARCH_SEARCH_RUNNER_H_

#include <thread>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "server/engine/engine.h"
#include "server/search/search_desk.h"

namespace archpool {

class SearchRunner {
 public:
  // `engine` outlives the runner.
  SearchRunner(Engine& engine, const SearchPolicySpec& policy);
  ~SearchRunner();  // stops

  // What the engine's listeners hear. Neither blocks.
  void Watch(absl::Span<const Event> events) ABSL_LOCKS_EXCLUDED(mutex_);
  void Load(const PoolSnapshot& snapshot) ABSL_LOCKS_EXCLUDED(mutex_);

  // Ends the thread; idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using News = std::variant<std::vector<Event>, PoolSnapshot>;

  void Run() ABSL_LOCKS_EXCLUDED(mutex_);
  bool HasNews() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return stops_ || !news_.empty();
  }

  Engine& engine_;
  SearchDesk desk_;  // the thread's alone
  absl::Mutex mutex_;
  std::vector<News> news_ ABSL_GUARDED_BY(mutex_);
  bool stops_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_SEARCH_SEARCH_RUNNER_H_
