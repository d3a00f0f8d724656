// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/reward.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "common/base/check.h"
#include "common/nas/pareto.h"
#include "server/core/leaves/front_builder.h"

namespace archpool {
namespace {

__extension__ using Int128 = __int128;

constexpr int64_t kMillion = 1'000'000;

Amount Scale(Amount amount, int64_t numerator, int64_t denominator) {
  return static_cast<Amount>(Int128{amount} * numerator / denominator);
}

// What each finalist adds in the region: 0 for what lies outside, what the
// client knew, and what is hidden behind either.
std::vector<int64_t> FindsOf(absl::Span<const Trial> finalists,
                             const BonusRegion& region) {
  std::vector<int64_t> finds(finalists.size(), 0);
  const Trial& best = finalists.back();  // accuracies rise along the front
  if (region.macs_max == 0) {
    finds.back() = VerifiedAccuracyPpm(best) >= region.accuracy_min_ppm ? 1 : 0;
  } else {
    std::vector<ParetoPoint> points;
    for (const Trial& trial : finalists) {
      points.push_back(
          {.accuracy_ppm = *VerifiedAccuracyPpm(trial), .macs = trial.macs});
    }
    // The region's own edge belongs to it.
    const ParetoPoint corner{.accuracy_ppm = region.accuracy_min_ppm - 1,
                             .macs = region.macs_max + 1};
    finds = ExclusiveHypervolumes(points, ParetoFront(points), corner);
  }
  for (size_t i = 0; i < finds.size(); ++i) {
    if (finalists[i].known_from.IsSet()) finds[i] = 0;
  }
  return finds;
}

// `settlement.trials` is sorted by account and trial.
void AddFindersBonus(Amount pot, const BonusRegion& region,
                     absl::Span<const Trial> finalists,
                     Settlement& settlement) {
  if (finalists.empty()) return;
  const std::vector<int64_t> weights = FindsOf(finalists, region);
  const int64_t total =
      std::accumulate(weights.begin(), weights.end(), int64_t{0});
  if (total == 0) return;
  const std::vector<Amount> shares = SplitByRunningTotals(pot, weights, total);
  std::vector<TrialPay>& pays = settlement.trials;
  int64_t before = 0;
  for (size_t i = 0; i < finalists.size(); before += weights[i++]) {
    const Trial& trial = finalists[i];
    if (weights[i] == 0) continue;
    const auto pay = std::lower_bound(
        pays.begin(), pays.end(), std::tie(trial.account, trial.id),
        [](const TrialPay& one, const auto& key) {
          return std::tie(one.account, one.trial) < key;
        });
    pay->finders_bonus = shares[i];
    settlement.finders.push_back(
        {trial.id, trial.account, before, weights[i], total, shares[i]});
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

Amount WorthOf(const Task& task, WorkUnits units) {
  return Scale(task.work_pot, units, task.spec->budget.work_units);
}

AcceptedWork WorkOf(const Trial& trial) {
  return {.account = trial.account,
          .trial = trial.id,
          .units = trial.known_from.IsSet() ? 0 : trial.work_units};
}

Settlement Settle(const Task& task, const BonusRegion& region,
                  absl::Span<const Trial> accepted, Amount paid_before) {
  std::vector<AcceptedWork> work;
  work.reserve(accepted.size());
  for (const Trial& trial : accepted) work.push_back(WorkOf(trial));
  return Settle(task, region, std::move(work), FinalistsOf(accepted),
                paid_before);
}

Settlement Settle(const Task& task, const BonusRegion& region,
                  std::vector<AcceptedWork> work,
                  absl::Span<const Trial> finalists, Amount paid_before) {
  std::sort(work.begin(), work.end(),
            [](const AcceptedWork& a, const AcceptedWork& b) {
              return std::tie(a.account, a.trial) <
                     std::tie(b.account, b.trial);
            });
  std::vector<int64_t> units;
  units.reserve(work.size());
  for (const AcceptedWork& one : work) units.push_back(one.units);
  Settlement settlement;
  // An overspent budget would be a fault of ours: the pot is all there is.
  settlement.units_total =
      std::max(task.spec->budget.work_units,
               std::accumulate(units.begin(), units.end(), WorkUnits{0}));
  std::vector<Amount> pays;
  if (task.rule == RewardRule::kProportional) {
    pays = SplitByRunningTotals(task.work_pot, units, settlement.units_total);
  } else {
    for (const WorkUnits one : units) pays.push_back(WorthOf(task, one));
  }

  settlement.trials.reserve(work.size());
  for (size_t i = 0; i < work.size(); ++i) {
    settlement.trials.push_back({.trial = work[i].trial,
                                 .account = work[i].account,
                                 .units = units[i],
                                 .pay = pays[i]});
  }
  AddFindersBonus(task.bonus_pot, region, finalists, settlement);

  settlement.paid_before = paid_before;
  Amount paid = paid_before;
  for (const TrialPay& pay : settlement.trials) {
    paid += pay.pay + pay.finders_bonus;
  }
  const Amount payable = task.work_pot + task.bonus_pot;
  settlement.fee = payable == 0 ? 0 : Scale(task.fee_pot, paid, payable);
  settlement.refund = task.spec->terms.reward - paid - settlement.fee;
  return settlement;
}

bool TakesFrom(const Account& account, AccountId payer) {
  return account.id == payer ||
         std::find(account.shares_from.begin(), account.shares_from.end(),
                   payer) != account.shares_from.end();
}

}  // namespace archpool
