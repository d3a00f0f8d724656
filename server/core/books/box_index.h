// SPDX-License-Identifier: Apache-2.0
// The boxes of one open task: where an architecture lies, how the results in
// each speak for it, and which promise most.
#ifndef ARCHPOOL_SERVER_CORE_BOOKS_BOX_INDEX_H_
#define ARCHPOOL_SERVER_CORE_BOOKS_BOX_INDEX_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "server/core/leaves/box_score.h"
#include "server/core/leaves/box_tree.h"
#include "server/core/records/entities.h"

namespace archpool {

// Whether nothing is given out of a box in that state.
inline bool IsDone(SubspaceState state) {
  return state == SubspaceState::kCompleted || state == SubspaceState::kPruned;
}

// Value type; thread-compatible.
class BoxIndex {
 public:
  BoxIndex() = default;
  // `high_reward_share_ppm` of the boxes are among the most promising.
  BoxIndex(const TaskSpec& spec, int64_t high_reward_share_ppm);

  // `before`: nullptr for a new one.
  void Put(const SubspaceRecord* before, const SubspaceRecord& box);
  // One trial more (+1) or less (−1) that holds a network of the box; `ppm`: of
  // an accepted one, the share of the validation split that it got right.
  void Count(SubspaceId box, TrialId trial, std::optional<int64_t> ppm,
             int64_t sign);
  // No split of the box is worth while with the results that it has.
  void RememberUnsplit(SubspaceId box);
  // Forgets a box of a task that has ended.
  void Forget(SubspaceId box) { ids_.erase(box); }

  const absl::btree_set<SubspaceId>& ids() const { return ids_; }
  const BoxTree& tree() const { return tree_; }
  const absl::btree_map<SubspaceId, BoxScore>& scores() const {
    return scores_;
  }
  // The open ones, by falling promise, then by id.
  const absl::btree_set<std::pair<double, SubspaceId>>& open() const {
    return open_;
  }
  int64_t done_count() const { return done_count_; }  // completed or pruned
  // Whether the box is among the most promising; and the best reward of any.
  bool IsHighReward(SubspaceId box) const;
  int64_t BestReward() const { return high_reward_.Best(); }

 private:
  absl::btree_set<SubspaceId> ids_;
  BoxTree tree_;
  absl::btree_map<SubspaceId, BoxScore> scores_;
  int64_t high_reward_share_ppm_ = 0;
  TopShare high_reward_;
  absl::btree_set<std::pair<double, SubspaceId>> open_;
  int64_t done_count_ = 0;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_BOOKS_BOX_INDEX_H_
