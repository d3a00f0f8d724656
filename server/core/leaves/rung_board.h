// SPDX-License-Identifier: Apache-2.0
// The results of one rung of a task, and which of them advance to the next:
// asynchronous successive halving (Li et al., A System for Massively Parallel
// Hyperparameter Tuning, MLSys 2020, algorithm 2). At every moment the best
// 1/divisor of the results that there are may continue; nobody waits for a rung
// to be complete. Value type; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_LEAVES_RUNG_BOARD_H_
#define ARCHPOOL_SERVER_CORE_LEAVES_RUNG_BOARD_H_

#include <compare>
#include <cstdint>
#include <iterator>
#include <utility>

#include "absl/container/btree_set.h"
#include "common/crypto/sha256.h"
#include "common/model/ids.h"

namespace archpool {

class RungBoard {
 public:
  struct Result {
    int64_t ppm = 0;
    TrialId trial;
    Digest architecture;
    AccountId account;  // whose it is
    // The best first, then the earlier one.
    friend bool operator<(const Result& a, const Result& b) {
      return a.ppm != b.ppm ? a.ppm > b.ppm : a.trial < b.trial;
    }
  };

  // REQUIRES: divisor >= 2.
  explicit RungBoard(int64_t divisor) : divisor_(divisor) {}

  void Insert(const Result& result) {
    rest_.insert(result);
    of_network_.insert({result.architecture, result});
    Balance();
  }
  void Erase(const Result& result) {
    of_network_.erase({result.architecture, result});
    if (rest_.erase(result) == 0) {
      top_.erase(result);
      waiting_.erase(result);
    }
    Balance();
  }
  // Whether the architecture is at the next rung, or on its way there.
  void SetPromoted(const Digest& architecture, bool promoted) {
    const bool is_new = promoted ? promoted_.insert(architecture).second
                                 : promoted_.erase(architecture) > 0;
    if (!is_new) return;
    // The best result comes first.
    auto its =
        of_network_.lower_bound({architecture, Result{.ppm = INT64_MAX}});
    for (; its != of_network_.end() && its->first == architecture; ++its) {
      if (promoted) {
        waiting_.erase(its->second);
      } else if (top_.contains(its->second)) {
        waiting_.insert(its->second);
      }
    }
  }

  // Among the best, and not at the next rung yet.
  const absl::btree_set<Result>& waiting() const { return waiting_; }

 private:
  void Balance() {
    const size_t wanted =
        (top_.size() + rest_.size()) / static_cast<size_t>(divisor_);
    if (!top_.empty() && !rest_.empty() && *rest_.begin() < *top_.rbegin()) {
      Raise();
    }
    while (top_.size() > wanted) {
      const auto last = std::prev(top_.end());
      waiting_.erase(*last);
      rest_.insert(*last);
      top_.erase(last);
    }
    while (top_.size() < wanted) Raise();
  }

  void Raise() {
    const Result best = *rest_.begin();
    rest_.erase(rest_.begin());
    top_.insert(best);
    if (!promoted_.contains(best.architecture)) waiting_.insert(best);
  }

  int64_t divisor_;
  absl::btree_set<Result> top_;
  absl::btree_set<Result> rest_;
  absl::btree_set<Result> waiting_;
  absl::btree_set<Digest> promoted_;
  // All of them: a network has few, a rung may have a hundred thousand.
  absl::btree_set<std::pair<Digest, Result>> of_network_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_LEAVES_RUNG_BOARD_H_
