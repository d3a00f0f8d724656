#include "server/search/search_runner.h"

#include <utility>

namespace archpool {

SearchRunner::SearchRunner(Engine& engine, const SearchPolicySpec& policy)
    : engine_(engine), desk_(policy), thread_([this] { Run(); }) {}

SearchRunner::~SearchRunner() { Stop(); }

void SearchRunner::Watch(absl::Span<const Event> events) {
  absl::MutexLock lock(&mutex_);
  news_.emplace_back(std::vector<Event>(events.begin(), events.end()));
}

void SearchRunner::Load(const PoolSnapshot& snapshot) {
  absl::MutexLock lock(&mutex_);
  news_.clear();
  news_.emplace_back(snapshot);
}

void SearchRunner::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stops_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void SearchRunner::Run() {
  for (;;) {
    std::vector<News> news;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &SearchRunner::HasNews));
      if (stops_) return;
      news.swap(news_);
    }
    for (const News& one : news) {
      if (const auto* snapshot = std::get_if<PoolSnapshot>(&one)) {
        desk_.Load(*snapshot);
      } else {
        desk_.Watch(std::get<std::vector<Event>>(one));
      }
    }
    for (RankCandidates& ranking : desk_.Rank()) {
      // Refused where the task has ended meanwhile; a lost one is made again
      // with the next verdict.
      engine_.Submit<RankCandidates>(
          std::move(ranking),
          [](const absl::StatusOr<RankCandidates::Reply>&) {});
    }
  }
}

}  // namespace archpool
