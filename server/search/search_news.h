// SPDX-License-Identifier: Apache-2.0
// What the search thread has not heard of yet. It holds the latest version of
// each record alone, and nothing of tasks that have ended: however long the
// thread is busy, what waits for it is no larger than what the pool itself
// holds. Not thread-safe.
#ifndef ARCHPOOL_SERVER_SEARCH_SEARCH_NEWS_H_
#define ARCHPOOL_SERVER_SEARCH_SEARCH_NEWS_H_

#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/types/span.h"
#include "server/core/records/entities.h"

namespace archpool {

class SearchNews {
 public:
  struct Batch {
    bool is_fresh_start = false;  // what was known before is void
    std::vector<Event> events;
  };

  // The events of one commit.
  void Add(absl::Span<const Event> events);
  // The state was loaded again: these are all of its records.
  void Restart(absl::Span<const Event> records);

  bool IsEmpty() const { return !is_fresh_start_ && events_.empty(); }
  size_t size() const { return events_.size(); }
  // All of it, in the order in which it came: tasks and boxes by their first
  // version, trials by their latest.
  Batch Take();

 private:
  enum class Kind { kDataset, kTask, kSubspace, kTrial };
  using Key = std::tuple<Kind, int64_t, Digest>;

  void Note(const DatasetRecord& dataset);
  void Note(const Task& task);
  void Note(const SubspaceRecord& subspace);
  void Note(const Trial& trial);
  template <typename Record>
  void Note(const Record&) {}
  template <typename Record>
  void Replace(const Key& key, TaskId task, const Record& record);
  void Erase(const Key& key);

  bool is_fresh_start_ = false;
  int64_t last_position_ = 0;
  absl::btree_map<int64_t, Event> events_;
  absl::btree_map<Key, int64_t> positions_;
  absl::btree_map<TaskId, std::vector<Key>> keys_of_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_SEARCH_SEARCH_NEWS_H_
