// SPDX-License-Identifier: Apache-2.0
#include "server/core/books/box_index.h"

#include "server/core/books/maps.h"
#include "server/core/rules/policy.h"

namespace archpool {
BoxIndex::BoxIndex(const TaskSpec& spec, int64_t high_reward_share_ppm)
    : tree_(Partition(spec.space, spec.subspaces, kBoxesAtStartMax)),
      high_reward_share_ppm_(high_reward_share_ppm) {}

void BoxIndex::Put(const SubspaceRecord* before, const SubspaceRecord& box) {
  BoxScore& score = scores_[box.id];
  if (ids_.insert(box.id).second) {
    if (const std::optional<SplitOff>& split = box.split_off) {
      tree_.Split(split->parent, box.id, split->dimension, split->choices);
      score.prior_ppm = split->prior_ppm;
    } else {
      tree_.AddRoot(box.id);
    }
    high_reward_.Insert(box.id, score.RewardPpm(), high_reward_share_ppm_);
  }
  if (before != nullptr && IsDone(before->state)) --done_count_;
  if (IsDone(box.state)) ++done_count_;
  if (box.state == SubspaceState::kOpen) {
    open_.insert({-score.Promise(), box.id});
  } else {
    open_.erase({-score.Promise(), box.id});
  }
}

void BoxIndex::Count(SubspaceId box, TrialId trial, std::optional<int64_t> ppm,
                     int64_t sign) {
  BoxScore& score = scores_[box];
  const bool is_open = open_.erase({-score.Promise(), box}) > 0;
  const int64_t reward_before = score.RewardPpm();
  score.trials += sign;
  if (ppm && sign > 0) score.Add({trial, *ppm});
  if (ppm && sign < 0) score.Remove({trial, *ppm});
  if (is_open) open_.insert({-score.Promise(), box});
  const int64_t reward = score.RewardPpm();
  if (reward == reward_before) return;
  high_reward_.Erase(box, reward_before, high_reward_share_ppm_);
  high_reward_.Insert(box, reward, high_reward_share_ppm_);
}

void BoxIndex::RememberUnsplit(SubspaceId box) {
  BoxScore& score = scores_[box];
  score.unsplit_at = score.accepted();
}

bool BoxIndex::IsHighReward(SubspaceId box) const {
  const BoxScore* score = FindIn(scores_, box);
  return score != nullptr && high_reward_.Contains(box, score->RewardPpm());
}

}  // namespace archpool
