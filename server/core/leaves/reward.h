// SPDX-License-Identifier: Apache-2.0
// How money is split: integers alone, 128-bit intermediates, and running
// totals, so that the parts add up exactly with nothing left to hand out
// ("difference of rounded-down running totals", as p2pool's
// SideChain::split_reward does).
#ifndef ARCHPOOL_SERVER_CORE_LEAVES_REWARD_H_
#define ARCHPOOL_SERVER_CORE_LEAVES_REWARD_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "common/model/bonus_region.h"
#include "common/model/ids.h"
#include "server/core/records/entities.h"

namespace archpool {

// The parts of a reward, fixed when the task is submitted.
struct RewardPots {
  Amount fee = 0;
  Amount bonus = 0;
  Amount work = 0;  // fee + bonus + work = reward
};

// REQUIRES: reward in [0, kAmountMax]; fee_ppm + bonus_ppm in [0, 1'000'000].
RewardPots CutReward(Amount reward, int64_t fee_ppm, int64_t bonus_ppm);

// share[i] = ⌊pot · (w[0] + … + w[i]) / total⌋ − ⌊pot · (w[0] + … + w[i−1]) /
// total⌋: never negative, and the shares add up to ⌊pot · Σw / total⌋.
// REQUIRES: pot in [0, kAmountMax]; weights ≥ 0, Σweights ≤ total; total > 0.
std::vector<Amount> SplitByRunningTotals(Amount pot,
                                         absl::Span<const int64_t> weights,
                                         int64_t total);

// What `units` of the task's work are worth, rounded down.
Amount WorthOf(const Task& task, WorkUnits units);

// What an accepted trial is paid.
struct TrialPay {
  TrialId trial;
  AccountId account;
  WorkUnits units = 0;       // that are paid for
  Amount pay = 0;            // for its work units
  Amount finders_bonus = 0;  // for its part of the front
};

// The part of the finder's bonus that a finalist's contribution came to:
// weights as SplitByRunningTotals takes them.
struct FinderShare {
  TrialId trial;
  AccountId account;
  int64_t before = 0;
  int64_t weight = 0;
  int64_t total = 0;
  Amount amount = 0;
};

// A task's settlement: pays + paid_before + bonuses + fee + refund = reward.
struct Settlement {
  std::vector<TrialPay> trials;      // by (account, trial)
  std::vector<FinderShare> finders;  // those of accounts, along the front
  // What the work pot is split into: the budget.
  WorkUnits units_total = 0;
  Amount paid_before = 0;  // as handed in
  Amount fee = 0;
  Amount refund = 0;
};

// What the pay of an accepted trial follows from.
struct AcceptedWork {
  AccountId account;
  TrialId trial;
  WorkUnits units = 0;  // none of what the client knew before
};
AcceptedWork WorkOf(const Trial& trial);

// Work is paid at work_pot / budget.work_units per unit, however the task
// ended: by running totals under kProportional, each trial its WorthOf under
// kPplns. The finder's bonus is paid whole as soon as something new lies in its
// region, so that cancelling after a find saves nothing: to the most accurate
// network, or, where size counts, by exclusive contribution to the hypervolume
// of the front (verified accuracy against multiply-accumulates, from the corner
// of the region). What the client knew before earns nothing, and what lies
// behind it adds nothing. Where nothing new is in the region, the bonus goes
// back. The fee is taken in proportion to what is paid out. The rest goes back
// to the client. `accepted`: the task's accepted trials, in any order.
// `paid_before`: what other tasks paid for its credit that was found false
// afterwards, under kPplns.
Settlement Settle(const Task& task, const BonusRegion& region,
                  absl::Span<const Trial> accepted, Amount paid_before = 0);
// The same, from the accepted trials' `work` and their FinalistsOf.
Settlement Settle(const Task& task, const BonusRegion& region,
                  std::vector<AcceptedWork> work,
                  absl::Span<const Trial> finalists, Amount paid_before);

// Whether the account has agreed to be named in that payer's split; in its own
// it always has.
bool TakesFrom(const Account& account, AccountId payer);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_LEAVES_REWARD_H_
