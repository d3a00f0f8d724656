// SPDX-License-Identifier: Apache-2.0
#include "server/search/search_runner.h"

#include <algorithm>
#include <utility>

namespace archpool {
namespace {

// Records that are taken in before the stop is examined again.
constexpr size_t kRecordsAtOnce = 1'024;

}  // namespace

SearchRunner::SearchRunner(Engine& engine, const SearchPolicySpec& policy,
                           const PoolPolicy& pool_policy)
    : engine_(engine), desk_(policy, pool_policy), thread_([this] { Run(); }) {}

SearchRunner::~SearchRunner() { Stop(); }

void SearchRunner::OnCommit(absl::Span<const Event> events) {
  absl::MutexLock lock(&mutex_);
  news_.Add(events);
}

void SearchRunner::OnLoad(const PoolSnapshot& snapshot) {
  absl::MutexLock lock(&mutex_);
  news_.Restart(snapshot.records);
}

void SearchRunner::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stops_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

SearchNews::Batch SearchRunner::TakeNews(bool is_idle) {
  absl::MutexLock lock(&mutex_);
  if (is_idle) mutex_.Await(absl::Condition(this, &SearchRunner::HasNews));
  return news_.Take();
}

void SearchRunner::Absorb(const SearchNews::Batch& batch) {
  if (batch.is_fresh_start) desk_.BeginLoad();
  const absl::Span<const Event> events = batch.events;
  for (size_t at = 0; at < events.size() && !stops_; at += kRecordsAtOnce) {
    desk_.Watch(events.subspan(at, kRecordsAtOnce));
  }
}

void SearchRunner::Run() {
  bool is_idle = true;
  while (!stops_) {
    Absorb(TakeNews(is_idle));
    if (stops_) return;
    SearchDesk::Step step = desk_.RankNext([this] { return stops_.load(); });
    is_idle = step.is_idle;
    if (!step.ranking) continue;
    // Refused where the task has ended meanwhile; a lost one is made again with
    // the next verdict.
    engine_.Submit<RankCandidates>(
        *std::move(step.ranking),
        [](const absl::StatusOr<RankCandidates::Reply>&) {});
  }
}

}  // namespace archpool
