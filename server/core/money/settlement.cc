// SPDX-License-Identifier: Apache-2.0
// The reward of a finished task is split, in steps: its escrow goes to the
// miners, the pool, and back to the client. No money moves before the last
// step, which moves all of it at once.
#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "common/base/check.h"
#include "server/core/leaves/pplns.h"
#include "server/core/leaves/receipts.h"
#include "server/core/leaves/reward.h"
#include "server/core/money/money.h"
#include "server/core/money/parts.h"
#include "server/core/state/own_miners.h"
#include "server/core/state/queries.h"

namespace archpool::money {
namespace {

constexpr int64_t kWholePpm = 1'000'000;
// Looking at a trial is so much cheaper than writing it.
constexpr int64_t kLooksPerWrite = 4;

// What an account is paid in one settlement.
struct AccountPay {
  Amount pay = 0;
  Amount bonus = 0;
};
using Pays = absl::btree_map<AccountId, AccountPay>;

// By what the task's own work came to.
void PayProportionally(Step& step, const Task& task,
                       const Settlement& settlement, Pays& pays) {
  WorkUnits before = 0;
  for (auto trial = settlement.trials.begin();
       trial != settlement.trials.end();) {
    const AccountId account = trial->account;
    WorkUnits units = 0;
    Amount amount = 0;
    for (; trial != settlement.trials.end() && trial->account == account;
         ++trial) {
      units += trial->units;
      amount += trial->pay;
    }
    pays[account].pay = amount;
    if (units > 0) {
      step.state.Hand(account,
                      ProportionalShareOf(task, before, units,
                                          settlement.units_total, amount));
    }
    before += units;
  }
}

// By what the pool's latest work is still owed.
void PayOwed(Step& step, const Task& task, const Settlement& settlement,
             Pays& pays) {
  Amount pot = settlement.paid_before;
  for (const TrialPay& trial : settlement.trials) pot += trial.pay;
  std::vector<Owed> owed;
  for (const auto& [key, one] : step.state.money().owed()) owed.push_back(one);
  const WindowSettlement paid =
      PayThroughWindow(pot, owed, step.state.accounts().units_credited(),
                       step.policy.pplns_window_units);
  for (const Owed& one : paid.owed) step.state.Put(one);
  for (const WindowShare& share : paid.shares) {
    pays[share.account].pay += share.amount;
    step.state.Hand(share.account, ReceiptOf(task, share));
  }
}

// Passes on what others have in the account's pay.
void ShareOut(Step& step, const Account& account, Amount amount, TaskId task) {
  std::vector<int64_t> weights;
  for (const RevenuePart& part : account.split) {
    weights.push_back(part.share_ppm);
  }
  const std::vector<Amount> amounts =
      SplitByRunningTotals(amount, weights, kWholePpm);
  for (size_t i = 0; i < amounts.size(); ++i) {
    const AccountId to = account.split[i].account;
    if (amounts[i] == 0 || to == account.id ||
        !TakesFrom(*step.state.Find(to), account.id)) {
      continue;
    }
    step.state.Post(Place::Of(account.id), Place::Of(to), amounts[i],
                    TransferKind::kShare, task, "", step.now);
  }
}

}  // namespace

bool Collect(const Step& step, TaskId id, Settling& settling) {
  const PoolState& state = step.state;
  int64_t count = kLooksPerWrite * step.policy.settle_trials_max;
  const absl::btree_set<TrialId>& trials = state.IndexOf(id).trials;
  auto next = trials.upper_bound(settling.collected);
  for (; next != trials.end() && count > 0; ++next, --count) {
    const Trial& trial = *state.Find(*next);
    settling.collected = trial.id;
    settling.has_barred |= IsBarred(trial);
    if (trial.state == TrialState::kRejected) {
      settling.paid_before += SettlementOf(trial).pay;
    }
    if (trial.state != TrialState::kAccepted) continue;
    settling.work.push_back(WorkOf(trial));
    settling.front.Add(trial);
  }
  return next == trials.end();
}

std::vector<Trial> FinalistsOf(const PoolState& state,
                               const Settling& settling) {
  std::vector<Trial> finalists;
  for (const TrialId id : settling.finalists) {
    finalists.push_back(*state.Find(id));
  }
  return finalists;
}

// Whole accounts at a time: what is left of a block would look like a short one
// if it all began again. Not of an account that nothing is asked of for a short
// block, which has all of its trials in one. False: there are more.
bool MatureSome(Step& step, TaskId id) {
  std::vector<TrialId> some;
  for (const auto& [account, block] : step.state.IndexOf(id).tally.immature) {
    if (std::ssize(some) >= step.policy.settle_trials_max) break;
    const bool is_trusted = IsTrusted(step.state, step.policy, account);
    for (const auto& [commit_time, trial] : block) {
      if (is_trusted && std::ssize(some) >= step.policy.settle_trials_max) {
        break;
      }
      some.push_back(trial);
    }
  }
  for (const TrialId trial : some) Credit(step, trial);
  return step.state.IndexOf(id).tally.immature.empty();
}

bool NotePays(Step& step, Settling& settling) {
  const std::vector<TrialPay>& pays = settling.settlement.trials;
  for (int64_t count = step.policy.settle_trials_max;
       settling.paid < pays.size() && count > 0; ++settling.paid, --count) {
    const TrialPay& part = pays[settling.paid];
    const TrialSettlement settled = {part.pay, part.finders_bonus};
    Trial trial = *step.state.Find(part.trial);
    if (SettlementOf(trial) == settled) continue;
    SetSettlement(trial, settled);
    step.state.Put(trial);
  }
  return settling.paid == pays.size();
}

void Split(const Step& step, TaskId id, Settling& settling) {
  const Task& task = *step.state.Find(id);
  const DatasetManifest& manifest = ManifestOf(step.state, id);
  settling.settlement = Settle(
      task,
      BonusRegionOf(*task.spec, manifest.held_out_count, manifest.classes),
      std::move(settling.work), FinalistsOf(step.state, settling),
      settling.paid_before);
}

bool SumUp(const Step& step, TaskId id, Settling& settling) {
  const TaskIndex& index = step.state.IndexOf(id);
  // One has changed since: it begins again.
  if (settling.counts_version != index.memory.trials_version) {
    settling.counts = {};
    settling.counted = {};
    settling.counts_version = index.memory.trials_version;
  }
  int64_t count = kLooksPerWrite * step.policy.settle_trials_max;
  auto next = index.trials.upper_bound(settling.counted);
  for (; next != index.trials.end() && count > 0; ++next, --count) {
    settling.counts.Add(*step.state.Find(*next));
    settling.counted = *next;
  }
  return next == index.trials.end();
}

SummaryRecord SummaryOf(const PoolState& state, TaskId id,
                        const Settling& settling) {
  SummaryRecord summary{.task = id,
                        .sums = settling.counts.Get(),
                        .subspaces = std::ssize(state.IndexOf(id).boxes.ids()),
                        .front = settling.finalists};
  if (!summary.front.empty()) {
    summary.best_accuracy_ppm =
        VerifiedAccuracyPpm(*state.Find(summary.front.back()));
  }
  return summary;
}

void Post(Step& step, TaskId id, const Settlement& settlement) {
  Task task = *step.state.Find(id);
  Pays pays;
  if (task.rule == RewardRule::kProportional) {
    PayProportionally(step, task, settlement, pays);
  } else {
    PayOwed(step, task, settlement, pays);
  }
  for (const FinderShare& share : settlement.finders) {
    pays[share.account].bonus += share.amount;
    step.state.Hand(share.account, ReceiptOf(task, share));
  }
  const Place escrow = Place::EscrowOf(id);
  const auto post = [&](Place to, Amount amount, TransferKind kind) {
    if (amount > 0) step.state.Post(escrow, to, amount, kind, id, "", step.now);
  };
  // One transfer per miner and kind.
  for (const auto& [account, pay] : pays) {
    post(Place::Of(account), pay.pay, TransferKind::kPay);
    post(Place::Of(account), pay.bonus, TransferKind::kFindersBonus);
    ShareOut(step, *step.state.Find(account), pay.pay + pay.bonus, id);
  }
  post(Place::Fees(), settlement.fee, TransferKind::kFee);
  post(Place::Of(task.client), settlement.refund, TransferKind::kRefund);
  ARCHPOOL_CHECK(step.state.money().BalanceOf(escrow) == 0);

  // Some guesses are above chance.
  const TrialTally& tally = step.state.IndexOf(id).tally;
  const bool has_result =
      tally.learnt > 0 ||
      (tally.above_chance > 0 && task.end_reason != EndReason::kNothingLearns);
  task.fee = settlement.fee;
  task.refund = settlement.refund;
  task.end_time = step.now;
  task.state = task.end_reason == EndReason::kCancelled ? TaskState::kCancelled
               : has_result                             ? TaskState::kSucceeded
                                                        : TaskState::kFailed;
  step.state.Put(task);
  for (const auto& [account, pay] : pays) {
    PayOutIfDue(step, account);
    const std::vector<RevenuePart> split = step.state.Find(account)->split;
    for (const RevenuePart& part : split) {
      PayOutIfDue(step, part.account);
    }
  }
}

}  // namespace archpool::money
