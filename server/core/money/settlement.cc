// The reward of a finished task is split, in steps: its escrow goes to the
// miners, the pool, and back to the client. No money moves before the last
// step, which moves all of it at once.
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "common/base/check.h"
#include "server/core/leaves/pplns.h"
#include "server/core/leaves/receipts.h"
#include "server/core/leaves/reward.h"
#include "server/core/pool_internal.h"

namespace archpool::internal {
namespace {

using Stage = Settling::Stage;

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
void PayProportionally(PoolState& state, const Task& task,
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
      state.Hand(account, ProportionalShareOf(task, before, units,
                                              settlement.units_total, amount));
    }
    before += units;
  }
}

// By what the pool's latest work is still owed.
void PayOwed(PoolState& state, const PoolPolicy& policy, const Task& task,
             const Settlement& settlement, Pays& pays) {
  Amount pot = settlement.paid_before;
  for (const TrialPay& trial : settlement.trials) pot += trial.pay;
  std::vector<Owed> owed;
  for (const auto& [key, one] : state.owed()) owed.push_back(one);
  const WindowSettlement paid = PayThroughWindow(
      pot, owed, state.units_credited(), policy.pplns_window_units);
  for (const Owed& one : paid.owed) state.Put(one);
  for (const WindowShare& share : paid.shares) {
    pays[share.account].pay += share.amount;
    state.Hand(share.account, ReceiptOf(task, share));
  }
}

// Passes on what others have in the account's pay.
void ShareOut(PoolState& state, const Account& account, Amount amount,
              TaskId task, absl::Time now) {
  std::vector<int64_t> weights;
  for (const RevenuePart& part : account.split) {
    weights.push_back(part.share_ppm);
  }
  const std::vector<Amount> amounts =
      SplitByRunningTotals(amount, weights, kWholePpm);
  for (size_t i = 0; i < amounts.size(); ++i) {
    const AccountId to = account.split[i].account;
    if (amounts[i] == 0 || to == account.id ||
        !TakesFrom(*state.Find(to), account.id)) {
      continue;
    }
    state.Post(Place::Of(account.id), Place::Of(to), amounts[i],
               TransferKind::kShare, task, "", now);
  }
}

bool IsReady(const PoolState& state, TaskId id) {
  const Task* task = state.Find(id);
  if (task == nullptr || task->state != TaskState::kFinishing) return false;
  const TaskIndex& index = state.IndexOf(id);
  return index.pending_count == 0 && index.leases.empty() &&
         index.audits.empty();
}

// False: there are more.
bool Collect(const PoolState& state, TaskId id, int64_t count,
             Settling& settling) {
  const absl::btree_set<TrialId>& trials = state.IndexOf(id).trials;
  auto next = trials.upper_bound(settling.collected);
  for (; next != trials.end() && count > 0; ++next, --count) {
    const Trial& trial = *state.Find(*next);
    settling.collected = trial.id;
    settling.has_barred |= trial.is_barred;
    if (trial.state == TrialState::kRejected) settling.paid_before += trial.pay;
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
// if it all began anew. False: there are more.
bool MatureSome(PoolState& state, const PoolPolicy& policy, TaskId id) {
  std::vector<TrialId> some;
  for (const auto& [account, block] : state.IndexOf(id).immature) {
    if (std::ssize(some) >= policy.settle_trials_max) break;
    for (const auto& [commit_time, trial] : block) some.push_back(trial);
  }
  for (const TrialId trial : some) Credit(state, policy, trial);
  return state.IndexOf(id).immature.empty();
}

// False: there are more.
bool NotePays(PoolState& state, const PoolPolicy& policy, Settling& settling) {
  const std::vector<TrialPay>& pays = settling.settlement.trials;
  for (int64_t count = policy.settle_trials_max;
       settling.paid < pays.size() && count > 0; ++settling.paid, --count) {
    const TrialPay& part = pays[settling.paid];
    Trial trial = *state.Find(part.trial);
    if (trial.pay == part.pay && trial.finders_bonus == part.finders_bonus) {
      continue;
    }
    trial.pay = part.pay;
    trial.finders_bonus = part.finders_bonus;
    state.Put(trial);
  }
  return settling.paid == pays.size();
}

void Post(PoolState& state, const PoolPolicy& policy, TaskId id,
          const Settlement& settlement, absl::Time now) {
  Task task = *state.Find(id);
  Pays pays;
  if (task.rule == RewardRule::kProportional) {
    PayProportionally(state, task, settlement, pays);
  } else {
    PayOwed(state, policy, task, settlement, pays);
  }
  for (const FinderShare& share : settlement.finders) {
    pays[share.account].bonus += share.amount;
    state.Hand(share.account, ReceiptOf(task, share));
  }
  const Place escrow = Place::EscrowOf(id);
  const auto post = [&](Place to, Amount amount, TransferKind kind) {
    if (amount > 0) state.Post(escrow, to, amount, kind, id, "", now);
  };
  // One transfer per miner and kind.
  for (const auto& [account, pay] : pays) {
    post(Place::Of(account), pay.pay, TransferKind::kPay);
    post(Place::Of(account), pay.bonus, TransferKind::kFindersBonus);
    ShareOut(state, *state.Find(account), pay.pay + pay.bonus, id, now);
  }
  post(Place::Fees(), settlement.fee, TransferKind::kFee);
  post(Place::Of(task.client), settlement.refund, TransferKind::kRefund);
  ARCHPOOL_CHECK(state.BalanceOf(escrow) == 0);

  const bool has_result = state.IndexOf(id).above_chance_count > 0;
  task.fee = settlement.fee;
  task.refund = settlement.refund;
  task.end_time = now;
  task.state = task.end_reason == EndReason::kCancelled ? TaskState::kCancelled
               : has_result                             ? TaskState::kSucceeded
                                                        : TaskState::kFailed;
  state.Put(task);
  for (const auto& [account, pay] : pays) {
    PayOutIfDue(state, policy, account, now);
    const std::vector<RevenuePart> split = state.Find(account)->split;
    for (const RevenuePart& part : split) {
      PayOutIfDue(state, policy, part.account, now);
    }
  }
}

}  // namespace

bool SettleStep(PoolState& state, const PoolPolicy& policy, TaskId id,
                absl::Time now) {
  if (!IsReady(state, id)) return false;
  Settling& settling = state.SettlingOf(id);
  if (settling.results_version != state.IndexOf(id).results_version) {
    settling = {.results_version = state.IndexOf(id).results_version};
  }
  switch (settling.stage) {
    case Stage::kAsk:
      if (AskLastSegments(state, policy, id, now)) return false;
      settling.stage = Stage::kCollect;
      return true;
    case Stage::kCollect:
      if (Collect(state, id, kLooksPerWrite * policy.settle_trials_max,
                  settling)) {
        settling.stage = Stage::kProve;
      }
      return true;
    case Stage::kProve: {
      settling.finalists = settling.front.Finalists();
      const std::vector<Trial> finalists = FinalistsOf(state, settling);
      if (settling.has_barred && BarUnproven(state, finalists)) {
        // What they hid is not waited for: it is looked at as it is.
        settling = {.stage = Stage::kCollect,
                    .results_version = state.IndexOf(id).results_version};
        return true;
      }
      if (AskUnproven(state, policy, finalists, now)) return false;
      settling.stage = Stage::kMature;
      return true;
    }
    case Stage::kMature:
      if (MatureSome(state, policy, id)) settling.stage = Stage::kSplit;
      return true;
    case Stage::kSplit: {
      const Task& task = *state.Find(id);
      const DatasetManifest& manifest =
          state.FindDataset(task.spec->dataset)->manifest;
      settling.settlement = Settle(
          task,
          BonusRegionOf(*task.spec, manifest.held_out_count, manifest.classes),
          std::move(settling.work), FinalistsOf(state, settling),
          settling.paid_before);
      settling.stage = Stage::kPay;
      return true;
    }
    case Stage::kPay:
      if (NotePays(state, policy, settling)) settling.stage = Stage::kPost;
      return true;
    case Stage::kPost: {
      const Settlement settlement = std::move(settling.settlement);
      Post(state, policy, id, settlement, now);
      return false;
    }
  }
  return false;
}

void SettleIfDone(PoolState& state, const PoolPolicy& policy, TaskId id,
                  absl::Time now) {
  if (!IsReady(state, id) ||
      std::ssize(state.IndexOf(id).trials) > policy.settle_trials_max) {
    return;  // the large ones a step with each tick
  }
  while (SettleStep(state, policy, id, now)) {
  }
}

void SettleFinishing(PoolState& state, const PoolPolicy& policy,
                     absl::Time now) {
  int64_t left = policy.settle_trials_max;
  for (const TaskId id : ReadyToSettle(state)) {
    const int64_t size = std::ssize(state.IndexOf(id).trials);
    if (size > left) continue;
    left -= size;
    SettleIfDone(state, policy, id, now);
  }
}

}  // namespace archpool::internal

namespace archpool {

std::vector<TaskId> ReadyToSettle(const PoolState& state) {
  std::vector<TaskId> ready;
  for (const auto& [id, task] : state.tasks()) {
    if (internal::IsReady(state, id)) ready.push_back(id);
  }
  return ready;
}

}  // namespace archpool
