// SPDX-License-Identifier: Apache-2.0
// How promising the boxes of a task are, from validated results alone. Value
// types; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_LEAVES_BOX_SCORE_H_
#define ARCHPOOL_SERVER_CORE_LEAVES_BOX_SCORE_H_

#include <cmath>
#include <cstdint>
#include <iterator>
#include <utility>

#include "absl/container/btree_set.h"
#include "common/model/ids.h"

namespace archpool {

struct BoxScore {
  int64_t trials = 0;     // that are not abandoned or rejected
  int64_t prior_ppm = 0;  // what was promised when it was split off
  // Accepted ones, with the share of the validation split they had right.
  struct Result {
    TrialId trial;
    int64_t ppm = 0;
    // The best first, then the earlier trial: whichever verdict came first.
    friend bool operator<(const Result& a, const Result& b) {
      return a.ppm != b.ppm ? a.ppm > b.ppm : a.trial < b.trial;
    }
  };
  // A box may have a hundred thousand, of which a conviction takes the best.
  absl::btree_set<Result> results;
  // At this many results no split was worth while: nothing to look at again
  // until there are more.
  int64_t unsplit_at = 0;

  int64_t accepted() const { return static_cast<int64_t>(results.size()); }
  int64_t best_ppm() const {
    return results.empty() ? 0 : results.begin()->ppm;
  }

  // What its few best results show, not its mean: accuracy has a heavy lower
  // tail. The mean of the top two; before there is one, its prior.
  int64_t RewardPpm() const {
    if (results.empty()) return prior_ppm;
    const int64_t second =
        results.size() == 1 ? best_ppm() : std::next(results.begin())->ppm;
    return (best_ppm() + second) / 2;
  }

  // Greater is more promising: an upper confidence bound on the reward. What
  // nobody has tried comes first. A square root alone: other functions of libm
  // differ between machines.
  double Promise() const {
    constexpr double kUntriedPpm = 1e7;  // above every accuracy
    constexpr double kExplorationPpm = 20'000;
    if (trials == 0 && prior_ppm == 0) return kUntriedPpm;
    return static_cast<double>(RewardPpm()) +
           kExplorationPpm / std::sqrt(static_cast<double>(trials + 1));
  }

  void Add(const Result& result) { results.insert(result); }
  void Remove(const Result& result) {
    unsplit_at = 0;
    results.erase(result);
  }
};

// The top share of a task's boxes by reward, kept in O(log boxes) a change.
class TopShare {
 public:
  // `reward` > 0 decides; boxes without are never in the top.
  void Insert(SubspaceId box, int64_t reward, int64_t share_ppm) {
    rest_.insert({-reward, box});
    Balance(share_ppm);
  }
  void Erase(SubspaceId box, int64_t reward, int64_t share_ppm) {
    if (top_.erase({-reward, box}) == 0) rest_.erase({-reward, box});
    Balance(share_ppm);
  }
  // The highest reward of any box; 0 where there is none.
  int64_t Best() const { return top_.empty() ? 0 : -top_.begin()->first; }
  bool Contains(SubspaceId box, int64_t reward) const {
    return reward > 0 && top_.contains({-reward, box});
  }

 private:
  using Key = std::pair<int64_t, SubspaceId>;

  void Balance(int64_t share_ppm) {
    const auto total = static_cast<int64_t>(top_.size() + rest_.size());
    const auto wanted =
        static_cast<size_t>((total * share_ppm + 999'999) / 1'000'000);
    // One change moves few; what entered the rest may belong in the top.
    if (!top_.empty() && !rest_.empty() && *rest_.begin() < *top_.rbegin()) {
      Move(rest_, rest_.begin(), top_);
    }
    while (top_.size() > wanted) Move(top_, std::prev(top_.end()), rest_);
    while (top_.size() < wanted) Move(rest_, rest_.begin(), top_);
  }
  static void Move(absl::btree_set<Key>& from,
                   absl::btree_set<Key>::iterator key,
                   absl::btree_set<Key>& to) {
    to.insert(*key);
    from.erase(key);
  }

  absl::btree_set<Key> top_;
  absl::btree_set<Key> rest_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_LEAVES_BOX_SCORE_H_
