// The reward is split: what matured is credited, and when a task ends its
// escrow goes to the miners, the pool, and back to the client.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "server/core/pool.h"
#include "server/core/pool_internal.h"
#include "server/core/pplns.h"
#include "server/core/receipts.h"
#include "server/core/reward.h"

namespace archpool {
namespace {

constexpr int64_t kWholePpm = 1'000'000;
constexpr int64_t kSplitPartsMax = 16;
constexpr int64_t kConsentsMax = 256;

// What an account is paid in one settlement.
struct AccountPay {
  Amount pay = 0;
  Amount bonus = 0;
};
using Pays = absl::btree_map<AccountId, AccountPay>;

void AddOwed(PoolState& state, AccountId account, int64_t position,
             Amount amount) {
  Owed owed{.position = position, .account = account, .amount = amount};
  const auto found = state.owed().find({account, position});
  if (found != state.owed().end()) owed.amount += found->second.amount;
  state.Put(owed);
}

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

bool MayShare(const Account* account) {
  return account != nullptr &&
         (account->role == Role::kMiner || account->role == Role::kClient);
}

absl::Status NoOneToShareWith(const std::string& name) {
  return NotFound(
      "ACCOUNT_UNKNOWN",
      absl::StrCat("there is no client or miner '", name, "' to share with"));
}

absl::Status NotAccepted(const std::string& name, const std::string& payer) {
  return FailedPrecondition(
      "SHARE_NOT_ACCEPTED",
      absl::StrCat("'", name, "' has not agreed to share in the pay of '",
                   payer, "'; have its holder run: archpool payout accept ",
                   payer));
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

// What other tasks paid for this task's credit before it was found false: its
// own pot makes up for it.
Amount PaidForVoidCredit(const PoolState& state, TaskId task) {
  Amount paid = 0;
  for (const TrialId id : state.IndexOf(task).trials) {
    const Trial& trial = *state.Find(id);
    if (trial.state == TrialState::kRejected) paid += trial.pay;
  }
  return paid;
}

}  // namespace

namespace internal {

void Credit(PoolState& state, const PoolPolicy& policy, TrialId id) {
  Trial trial = *state.Find(id);
  Account account = *state.Find(trial.account);
  const Task& task = *state.Find(trial.task);
  trial.is_matured = true;
  if (task.rule == RewardRule::kPplns) {
    trial.pay = WorthOf(task, trial.work_units);
    if (trial.pay > 0) {
      AddOwed(state, account.id,
              OwedPosition(state.units_credited(), policy.pplns_window_units),
              trial.pay);
    }
  }
  account.units_credited += trial.work_units;
  state.Put(account);
  state.Put(trial);
}

Amount TakeCreditBack(PoolState& state, const Trial& trial) {
  if (!trial.is_matured) return 0;
  Amount left = trial.pay;
  std::vector<Owed> owed;
  for (auto it = state.owed().lower_bound({trial.account, 0});
       it != state.owed().end() && it->first.first == trial.account; ++it) {
    owed.push_back(it->second);
  }
  // The latest first: what is owed longest is likeliest of other work.
  for (auto one = owed.rbegin(); one != owed.rend() && left > 0; ++one) {
    const Amount taken = std::min(one->amount, left);
    AddOwed(state, trial.account, one->position, -taken);
    left -= taken;
  }
  return left;
}

void SettleIfDone(PoolState& state, const PoolPolicy& policy, TaskId id,
                  absl::Time now) {
  const Task* found = state.Find(id);
  if (found == nullptr || found->state != TaskState::kFinishing) return;
  const TaskIndex& index = state.IndexOf(id);
  if (index.pending_count > 0 || !index.leases.empty() ||
      !index.audits.empty() || AskLastAudits(state, policy, id, now)) {
    return;
  }
  MatureAll(state, policy, id);
  Task task = *found;
  const std::vector<Trial> accepted = AcceptedTrials(state, id);
  const DatasetManifest& manifest =
      state.FindDataset(task.spec->dataset)->manifest;
  const Settlement settlement = Settle(
      task,
      BonusRegionOf(*task.spec, manifest.held_out_count, manifest.classes),
      accepted, PaidForVoidCredit(state, id));
  for (const TrialPay& part : settlement.trials) {
    Trial trial = *state.Find(part.trial);
    trial.pay = part.pay;
    trial.finders_bonus = part.finders_bonus;
    state.Put(trial);
  }
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

  const bool has_result =
      std::any_of(accepted.begin(), accepted.end(),
                  [](const Trial& trial) { return !trial.is_at_chance; });
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

}  // namespace internal

absl::StatusOr<SetRevenueSplit::Reply> Pool::Execute(
    const SetRevenueSplit& command, absl::Time) {
  if (std::ssize(command.parts) > kSplitPartsMax) {
    return InvalidArgument(
        "SPLIT_RANGE",
        absl::StrCat("a split has ", kSplitPartsMax, " parts at most"));
  }
  const std::string& caller = state_.Find(command.caller)->name;
  std::vector<RevenuePart> split;
  int64_t sum = 0;
  for (const auto& [name, share_ppm] : command.parts) {
    const Account* account = state_.FindAccount(name);
    if (!MayShare(account)) return NoOneToShareWith(name);
    if (!TakesFrom(*account, command.caller)) return NotAccepted(name, caller);
    const bool is_there = std::any_of(
        split.begin(), split.end(),
        [&](const RevenuePart& part) { return part.account == account->id; });
    if (share_ppm <= 0 || share_ppm > kWholePpm || is_there) {
      return InvalidArgument(
          "SPLIT_RANGE", absl::StrCat("the part of '", name,
                                      "' is none, or named twice; give each "
                                      "account one part above 0 %"));
    }
    sum += share_ppm;
    split.push_back({account->id, share_ppm});
  }
  if (!split.empty() && sum != kWholePpm) {
    return InvalidArgument(
        "SPLIT_RANGE",
        absl::StrCat("the parts add up to ", sum / 10'000, ".",
                     absl::Dec(sum % 10'000, absl::kZeroPad4),
                     " %, not to 100 %; name your own part too"));
  }
  Account account = *state_.Find(command.caller);
  account.split = std::move(split);
  if (account != *state_.Find(account.id)) {
    ARCHPOOL_RETURN_IF_ERROR(internal::CheckMayMoveMoney(account));
    state_.Put(account);
  }
  return account;
}

absl::StatusOr<SetShareConsent::Reply> Pool::Execute(
    const SetShareConsent& command, absl::Time) {
  const Account* payer = state_.FindAccount(command.account_name);
  if (!MayShare(payer)) return NoOneToShareWith(command.account_name);
  Account account = *state_.Find(command.caller);
  if (TakesFrom(account, payer->id) == command.is_given ||
      payer->id == account.id) {
    return account;
  }
  if (!command.is_given) {
    std::erase(account.shares_from, payer->id);
  } else if (std::ssize(account.shares_from) >= kConsentsMax) {
    return ResourceExhausted(
        "CONSENTS_MAX",
        absl::StrCat("an account shares in the pay of ", kConsentsMax,
                     " others at most; decline another first"));
  } else {
    account.shares_from.push_back(payer->id);
  }
  state_.Put(account);
  return account;
}

}  // namespace archpool
