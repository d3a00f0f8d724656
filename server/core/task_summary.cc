#include "server/core/task_summary.h"

#include <set>
#include <tuple>

#include "common/nas/pareto.h"

namespace archpool {
namespace {

// Whether `a` is the better find.
bool IsBetter(const Trial& a, const Trial& b) {
  return std::tuple(-a.verified_accuracy_ppm, a.macs, a.id) <
         std::tuple(-b.verified_accuracy_ppm, b.macs, b.id);
}

std::vector<Trial> FrontOf(const std::vector<const Trial*>& accepted) {
  std::vector<ParetoPoint> points;
  points.reserve(accepted.size());
  for (const Trial* trial : accepted) {
    points.push_back(
        {.accuracy_ppm = trial->verified_accuracy_ppm, .macs = trial->macs});
  }
  std::vector<Trial> front;
  for (const size_t index : ParetoFront(points)) {
    front.push_back(*accepted[index]);
  }
  return front;
}

}  // namespace

TaskSummary Summarize(absl::Span<const Trial> trials) {
  TaskSummary summary;
  std::map<AccountId, MinerShare> shares;
  std::set<SubspaceId> explored;
  std::vector<const Trial*> accepted;
  for (const Trial& trial : trials) {
    MinerShare& share = shares[trial.account];
    share.account = trial.account;
    share.payout += trial.pay + trial.finders_bonus;
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
        ++share.trials_accepted;
        share.work_units += trial.work_units;
        summary.work_units_accepted += trial.work_units;
        explored.insert(trial.subspace);
        accepted.push_back(&trial);
        if (!summary.best || IsBetter(trial, *summary.best)) {
          summary.best = trial;
        }
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
  summary.front = FrontOf(accepted);
  summary.subspaces_explored = static_cast<int64_t>(explored.size());
  for (const auto& [account, share] : shares) summary.shares.push_back(share);
  return summary;
}

}  // namespace archpool
