// SPDX-License-Identifier: Apache-2.0
// What one request may look into before it answers. To look at an architecture
// is to make its plan, which takes as long as the plan has layers; most
// architectures of some spaces are tried, or impossible, and clients choose
// their spaces. So looks are counted in layers, whichever client's task they
// are for. Value type; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_LEAVES_LOOKS_H_
#define ARCHPOOL_SERVER_CORE_LEAVES_LOOKS_H_

#include <algorithm>
#include <cstdint>

#include "absl/container/btree_set.h"
#include "common/model/ids.h"
#include "common/nas/search_space.h"

namespace archpool {

// The layers of the largest plan in `space`, or a little more.
int64_t LayersAtMost(const SearchSpace& space);

class Looks {
 public:
  // Some 8 ms of the reference core.
  static constexpr int64_t kLayersPerRequest = 64'000;

  explicit Looks(int64_t layers = kLayersPerRequest) : layers_(layers) {}

  // How many architectures of `space` may still be examined.
  int64_t Left(const SearchSpace& space) const {
    return layers_ / CostOf(space);
  }
  void Take(const SearchSpace& space, int64_t count) {
    layers_ -= count * CostOf(space);
  }

  // Half of what is left, for one task of several.
  Looks Half() const { return Looks(layers_ / 2); }
  void Take(const Looks& given, const Looks& left) {
    layers_ -= given.layers_ - left.layers_;
  }
  friend bool operator==(const Looks&, const Looks&) = default;

 private:
  // A plan of no layers takes as long as some thirty layers.
  static int64_t CostOf(const SearchSpace& space) {
    return 30 + LayersAtMost(space);
  }

  int64_t layers_;
};

// Tasks whose search stopped where the looks did, and gave no lease: they are
// tried after all others, in turns. In memory alone. Value type;
// thread-compatible.
class SearchTurns {
 public:
  bool Contains(TaskId task) const { return tasks_.contains(task); }
  int64_t size() const { return static_cast<int64_t>(tasks_.size()); }
  void Add(TaskId task) { tasks_.insert(task); }
  void Remove(TaskId task) { tasks_.erase(task); }
  // The task whose turn is next. REQUIRES: size() > 0.
  TaskId Next() {
    auto next = tasks_.upper_bound(last_);
    if (next == tasks_.end()) next = tasks_.begin();
    return last_ = *next;
  }

 private:
  absl::btree_set<TaskId> tasks_;
  TaskId last_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_LEAVES_LOOKS_H_
