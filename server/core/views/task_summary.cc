// SPDX-License-Identifier: Apache-2.0
#include "server/core/views/task_summary.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "absl/container/btree_map.h"
#include "server/core/leaves/front_builder.h"

namespace archpool {
namespace {

constexpr double kFakedShare = 0.1;

struct Probability {
  double value = 1;
  void operator*=(double factor) { value *= factor; }
};

bool HasDiverged(const Trial& trial) {
  return trial.commitment && trial.commitment->diverged_at_step;
}

}  // namespace

TaskSummary Summarize(absl::Span<const Trial> trials) {
  TaskSummary summary;
  std::map<AccountId, MinerShare> shares;
  std::map<AccountId, Probability> undetected;
  std::set<SubspaceId> explored;
  std::vector<Trial> accepted;
  std::set<std::pair<Digest, int64_t>> distinct;
  for (const Trial& trial : trials) {
    if (trial.known_from.IsSet()) {
      ++summary.trials_known;
      explored.insert(trial.subspace);
      accepted.push_back(trial);
      distinct.insert({trial.architecture_id, trial.rung});
      continue;
    }
    summary.audit_time += trial.audit_time;
    if (trial.commitment) {
      summary.training_time += trial.commitment->train_time;
      undetected[trial.account] *=
          1 -
          kFakedShare * static_cast<double>(trial.commitment->draw_ppm) / 1e6;
    }
    MinerShare& share = shares[trial.account];
    share.account = trial.account;
    const TrialSettlement settled = SettlementOf(trial);
    share.payout += settled.pay + settled.finders_bonus;
    switch (trial.state) {
      case TrialState::kAssigned:
        ++summary.trials_assigned;
        break;
      case TrialState::kCommitted:
      case TrialState::kUploaded:
        ++summary.trials_pending;
        break;
      case TrialState::kAccepted:
        ++summary.trials_accepted;
        summary.trials_at_chance += trial.is_at_chance ? 1 : 0;
        summary.trials_diverged += HasDiverged(trial) ? 1 : 0;
        ++share.trials_accepted;
        share.work_units += trial.work_units;
        if (BasisOf(trial) >= TrialBasis::kAudited) ++share.trials_audited;
        if (IsMatured(trial)) share.work_units_matured += trial.work_units;
        summary.work_units_accepted += trial.work_units;
        explored.insert(trial.subspace);
        accepted.push_back(trial);
        distinct.insert({trial.architecture_id, trial.rung});
        break;
      case TrialState::kRejected:
        ++summary.trials_rejected;
        ++share.trials_rejected;
        ++summary.rejected_by_reason[trial.reason];
        break;
      case TrialState::kAbandoned:
        ++summary.trials_abandoned;
        break;
    }
  }
  summary.front = FinalistsOf(accepted);
  if (!summary.front.empty()) summary.best = summary.front.back();
  summary.trials_redundant =
      static_cast<int64_t>(accepted.size() - distinct.size());
  summary.subspaces_explored = static_cast<int64_t>(explored.size());
  for (auto& [account, share] : shares) {
    share.detection_ppm =
        static_cast<int64_t>(1e6 * (1 - undetected[account].value));
    summary.shares.push_back(share);
  }
  return summary;
}

}  // namespace archpool
