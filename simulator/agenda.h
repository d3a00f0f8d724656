// SPDX-License-Identifier: Apache-2.0
// What happens when, in a simulated world. Not thread-safe.
#ifndef ARCHPOOL_SIMULATOR_AGENDA_H_
#define ARCHPOOL_SIMULATOR_AGENDA_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace archpool {

class Agenda {
 public:
  absl::Time now() const { return now_; }

  // At equal times, what was put down first comes first.
  void In(absl::Duration duration, std::function<void()> what) {
    entries_.push_back({now_ + duration, ++order_, std::move(what)});
    std::push_heap(entries_.begin(), entries_.end());
  }

  // Takes the next entry; false where there is none.
  bool Step() {
    if (entries_.empty()) return false;
    std::pop_heap(entries_.begin(), entries_.end());
    const Entry next = std::move(entries_.back());
    entries_.pop_back();
    now_ = std::max(now_, next.time);
    next.what();
    return true;
  }

 private:
  struct Entry {
    absl::Time time;
    int64_t order = 0;
    std::function<void()> what;
    friend bool operator<(const Entry& a, const Entry& b) {
      return std::tie(b.time, b.order) < std::tie(a.time, a.order);
    }
  };
  absl::Time now_ = absl::UnixEpoch();
  int64_t order_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SIMULATOR_AGENDA_H_
