#include "server/core/task_summary.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "common/nas/pareto.h"

namespace archpool {
namespace {

constexpr double kFakedShare = 0.1;

struct Probability {
  double value = 1;
  void operator*=(double factor) { value *= factor; }
};

// Whether `a` is the better find.
bool IsBetter(const Trial& a, const Trial& b) {
  return std::tuple(-a.verified_accuracy_ppm, a.macs, a.id) <
         std::tuple(-b.verified_accuracy_ppm, b.macs, b.id);
}

std::vector<Trial> FrontOf(absl::Span<const Trial> results) {
  std::vector<ParetoPoint> points;
  points.reserve(results.size());
  for (const Trial& trial : results) {
    points.push_back(
        {.accuracy_ppm = trial.verified_accuracy_ppm, .macs = trial.macs});
  }
  std::vector<Trial> front;
  for (const size_t index : ParetoFront(points)) {
    front.push_back(results[index]);
  }
  return front;
}

std::vector<Trial> Verified(absl::Span<const Trial> accepted) {
  std::vector<Trial> verified;
  for (const Trial& trial : accepted) {
    if (trial.verified_accuracy_ppm != kNotMeasured && IsResult(trial)) {
      verified.push_back(trial);
    }
  }
  return verified;
}

std::vector<Trial> FirstResults(absl::Span<const Trial> accepted) {
  // The furthest rung, and there the first.
  const auto place = [](const Trial& trial) {
    return std::tuple(-trial.rung, trial.commit_time, trial.id);
  };
  std::map<Digest, std::tuple<int64_t, absl::Time, TrialId>> first;
  for (const Trial& trial : accepted) {
    const auto [known, is_new] =
        first.insert({trial.architecture_id, place(trial)});
    if (!is_new) known->second = std::min(known->second, place(trial));
  }
  std::vector<Trial> results;
  for (const Trial& trial : accepted) {
    if (std::get<TrialId>(first.at(trial.architecture_id)) == trial.id) {
      results.push_back(trial);
    }
  }
  return results;
}

}  // namespace

std::vector<Trial> FinalistsOf(absl::Span<const Trial> accepted) {
  return FrontOf(FirstResults(Verified(accepted)));
}

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
    if (trial.commit_time != absl::InfiniteFuture()) {
      summary.training_time += trial.train_time;
      undetected[trial.account] *=
          1 - kFakedShare * static_cast<double>(trial.draw_ppm) / 1e6;
    }
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
        summary.trials_at_chance += trial.is_at_chance ? 1 : 0;
        ++share.trials_accepted;
        share.work_units += trial.work_units;
        if (trial.basis >= TrialBasis::kAudited) ++share.trials_audited;
        if (trial.is_matured) share.work_units_matured += trial.work_units;
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
  const std::vector<Trial> results = FirstResults(Verified(accepted));
  for (const Trial& trial : results) {
    if (!summary.best || IsBetter(trial, *summary.best)) summary.best = trial;
  }
  summary.trials_redundant =
      static_cast<int64_t>(accepted.size() - distinct.size());
  summary.front = FrontOf(results);
  summary.subspaces_explored = static_cast<int64_t>(explored.size());
  for (auto& [account, share] : shares) {
    share.detection_ppm =
        static_cast<int64_t>(1e6 * (1 - undetected[account].value));
    summary.shares.push_back(share);
  }
  return summary;
}

}  // namespace archpool
