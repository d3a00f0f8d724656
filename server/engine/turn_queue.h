// SPDX-License-Identifier: Apache-2.0
// What waits, taken in turns: one item of each caller, and again, so that a
// caller with thousands waiting delays the next one by one item, not by
// thousands. One caller's own stay in order. Thread-compatible.
#ifndef ARCHPOOL_SERVER_ENGINE_TURN_QUEUE_H_
#define ARCHPOOL_SERVER_ENGINE_TURN_QUEUE_H_

#include <algorithm>
#include <cstdint>
#include <deque>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "common/model/ids.h"

namespace archpool {

template <typename Item>
class TurnQueue {
 public:
  // At most `size_max` wait.
  explicit TurnQueue(int64_t size_max) : size_max_(size_max) {}

  int64_t size() const { return size_; }

  // Items are numbered from 0 on, in the order in which they came: the number
  // of the next one, and of the oldest that waits (the next one's: none does).
  int64_t next_number() const { return next_number_; }
  int64_t OldestNumber() const {
    int64_t oldest = next_number_;
    for (const auto& [caller, items] : waiting_) {
      oldest = std::min(oldest, items.front().number);
    }
    return oldest;
  }

  // The item that does not fit any more, if any: the latest of the caller that
  // has most waiting, which may be `item`.
  std::optional<Item> Add(AccountId caller, Item item) {
    std::optional<Item> refused;
    if (size_ >= size_max_) {
      const auto fullest = Fullest();
      // Who has one less, or as many, would only take the fullest's place.
      if (fullest == waiting_.end() ||
          std::ssize(fullest->second) <= SizeOf(caller) + 1) {
        return item;
      }
      refused = TakeLatest(fullest);
    }
    std::deque<Numbered>& items = waiting_[caller];
    if (items.empty()) turns_.push_back(caller);
    items.push_back({next_number_++, std::move(item)});
    ++size_;
    return refused;
  }

  std::vector<Item> Take(int64_t count_max) {
    std::vector<Item> taken;
    while (!turns_.empty() && std::ssize(taken) < count_max) {
      const AccountId caller = turns_.front();
      turns_.pop_front();
      const auto found = waiting_.find(caller);
      std::deque<Numbered>& items = found->second;
      taken.push_back(std::move(items.front().item));
      items.pop_front();
      --size_;
      if (items.empty()) {
        waiting_.erase(found);
      } else {
        turns_.push_back(caller);
      }
    }
    return taken;
  }
  std::vector<Item> TakeAll() {
    return Take(std::numeric_limits<int64_t>::max());
  }

 private:
  struct Numbered {
    int64_t number;
    Item item;
  };

  using Waiting = absl::btree_map<AccountId, std::deque<Numbered>>;

  int64_t SizeOf(AccountId caller) const {
    const auto found = waiting_.find(caller);
    return found == waiting_.end() ? 0 : std::ssize(found->second);
  }

  // Who has most waiting.
  typename Waiting::iterator Fullest() {
    return std::max_element(waiting_.begin(), waiting_.end(),
                            [](const auto& a, const auto& b) {
                              return a.second.size() < b.second.size();
                            });
  }

  // REQUIRES: it has more than that one.
  Item TakeLatest(typename Waiting::iterator fullest) {
    Item latest = std::move(fullest->second.back().item);
    fullest->second.pop_back();
    --size_;
    return latest;
  }

  const int64_t size_max_;
  int64_t size_ = 0;
  int64_t next_number_ = 0;
  // Callers that have something waiting alone; never an empty list.
  Waiting waiting_;
  std::deque<AccountId> turns_;  // whose turn is next, each once
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_ENGINE_TURN_QUEUE_H_
