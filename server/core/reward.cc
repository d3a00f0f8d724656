#include "server/core/reward.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "common/base/check.h"
#include "common/nas/pareto.h"
#include "server/core/task_summary.h"

namespace archpool {
namespace {

__extension__ using Int128 = __int128;

constexpr int64_t kMillion = 1'000'000;

Amount Scale(Amount amount, int64_t numerator, int64_t denominator) {
  return static_cast<Amount>(Int128{amount} * numerator / denominator);
}

void AddFindersBonus(Amount pot, absl::Span<const Trial> sorted,
                     std::vector<TrialPay>& pays) {
  std::set<TrialId> finalists;
  for (const Trial& trial : FinalistsOf(sorted)) finalists.insert(trial.id);
  std::vector<ParetoPoint> points;
  points.reserve(sorted.size());
  for (const Trial& trial : sorted) {
    const bool wins = finalists.contains(trial.id);
    points.push_back({.accuracy_ppm = wins ? trial.verified_accuracy_ppm : -1,
                      .macs = trial.macs});
  }
  const std::vector<size_t> front = ParetoFront(points);
  if (front.empty()) return;
  const ParetoPoint reference{.accuracy_ppm = 0,
                              .macs = 2 * points[front.back()].macs};
  const std::vector<int64_t> weights =
      ExclusiveHypervolumes(points, front, reference);
  int64_t total = 0;
  for (const int64_t weight : weights) total += weight;
  if (total == 0) return;
  const std::vector<Amount> shares = SplitByRunningTotals(pot, weights, total);
  // What the client knew before has no finder here: its share comes back.
  for (size_t i = 0; i < front.size(); ++i) {
    if (sorted[front[i]].known_from.IsSet()) continue;
    pays[front[i]].finders_bonus = shares[i];
  }
}

}  // namespace

RewardPots CutReward(Amount reward, int64_t fee_ppm, int64_t bonus_ppm) {
  ARCHPOOL_CHECK(fee_ppm >= 0 && bonus_ppm >= 0 &&
                 fee_ppm + bonus_ppm <= kMillion);
  RewardPots pots;
  pots.fee = Scale(reward, fee_ppm, kMillion);
  pots.bonus = Scale(reward, bonus_ppm, kMillion);
  pots.work = reward - pots.fee - pots.bonus;
  return pots;
}

std::vector<Amount> SplitByRunningTotals(Amount pot,
                                         absl::Span<const int64_t> weights,
                                         int64_t total) {
  ARCHPOOL_CHECK(total > 0 && pot >= 0);
  std::vector<Amount> shares;
  shares.reserve(weights.size());
  int64_t running_weight = 0;
  Amount running_share = 0;
  for (const int64_t weight : weights) {
    ARCHPOOL_CHECK(weight >= 0 && weight <= total - running_weight);
    running_weight += weight;
    const Amount next = Scale(pot, running_weight, total);
    shares.push_back(next - running_share);
    running_share = next;
  }
  return shares;
}

Settlement Settle(const Task& task, absl::Span<const Trial> accepted) {
  std::vector<Trial> sorted(accepted.begin(), accepted.end());
  std::sort(sorted.begin(), sorted.end(), [](const Trial& a, const Trial& b) {
    return std::tie(a.account, a.id) < std::tie(b.account, b.id);
  });
  std::vector<int64_t> units;
  units.reserve(sorted.size());
  for (const Trial& trial : sorted) {
    units.push_back(trial.known_from.IsSet() ? 0 : trial.work_units);
  }
  const std::vector<Amount> pays =
      SplitByRunningTotals(task.work_pot, units, task.spec->budget.work_units);

  Settlement settlement;
  settlement.trials.reserve(sorted.size());
  for (size_t i = 0; i < sorted.size(); ++i) {
    settlement.trials.push_back(
        {.trial = sorted[i].id, .account = sorted[i].account, .pay = pays[i]});
  }
  AddFindersBonus(task.bonus_pot, sorted, settlement.trials);

  Amount paid = 0;
  for (const TrialPay& pay : settlement.trials) {
    paid += pay.pay + pay.finders_bonus;
  }
  const Amount payable = task.work_pot + task.bonus_pot;
  settlement.fee = payable == 0 ? 0 : Scale(task.fee_pot, paid, payable);
  settlement.refund = task.spec->terms.reward - paid - settlement.fee;
  return settlement;
}

}  // namespace archpool
