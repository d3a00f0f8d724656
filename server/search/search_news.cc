// SPDX-License-Identifier: Apache-2.0
#include "server/search/search_news.h"

#include <variant>

namespace archpool {

void SearchNews::Add(absl::Span<const Event> events) {
  for (const Event& event : events) {
    std::visit([this](const auto& record) { Note(record); }, event);
  }
}

void SearchNews::Restart(absl::Span<const Event> records) {
  events_.clear();
  positions_.clear();
  keys_of_.clear();
  is_fresh_start_ = true;
  Add(records);
}

SearchNews::Batch SearchNews::Take() {
  Batch batch{.is_fresh_start = is_fresh_start_, .events = {}};
  batch.events.reserve(events_.size());
  for (auto& [position, event] : events_) {
    batch.events.push_back(std::move(event));
  }
  *this = SearchNews();
  return batch;
}

template <typename Record>
void SearchNews::Replace(const Key& key, TaskId task, const Record& record) {
  const auto [position, is_new] = positions_.insert({key, last_position_ + 1});
  if (is_new) {
    ++last_position_;
    if (task.IsSet()) keys_of_[task].push_back(key);
  }
  events_.insert_or_assign(position->second, Event(record));
}

void SearchNews::Erase(const Key& key) {
  const auto position = positions_.find(key);
  if (position == positions_.end()) return;
  events_.erase(position->second);
  positions_.erase(position);
}

void SearchNews::Note(const DatasetRecord& dataset) {
  Replace({Kind::kDataset, 0, dataset.id}, {}, dataset);
}

void SearchNews::Note(const Task& task) {
  const Key key{Kind::kTask, task.id.value, {}};
  if (task.state != TaskState::kActive) {
    const auto keys = keys_of_.find(task.id);
    if (keys != keys_of_.end()) {
      for (const Key& gone : keys->second) Erase(gone);
      keys_of_.erase(keys);
    }
  }
  Replace(key, task.id, task);
}

void SearchNews::Note(const SubspaceRecord& subspace) {
  Replace({Kind::kSubspace, subspace.id.value, {}}, subspace.task, subspace);
}

// Policies learn in the order of verdicts.
void SearchNews::Note(const Trial& trial) {
  const Key key{Kind::kTrial, trial.id.value, {}};
  const auto position = positions_.find(key);
  if (position == positions_.end()) return Replace(key, trial.task, trial);
  events_.erase(position->second);
  position->second = ++last_position_;
  events_.insert_or_assign(position->second, Event(trial));
}

}  // namespace archpool
