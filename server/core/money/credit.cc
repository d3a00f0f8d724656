// SPDX-License-Identifier: Apache-2.0
// What matured is credited; and whom accounts share their pay with.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/check.h"
#include "common/base/status.h"
#include "common/model/limits.h"
#include "server/core/leaves/pplns.h"
#include "server/core/leaves/reward.h"
#include "server/core/money/money.h"
#include "server/core/money/parts.h"

namespace archpool::money {
namespace {

constexpr int64_t kWholePpm = 1'000'000;

void AddOwed(Step& step, AccountId account, int64_t position, Amount amount) {
  Owed owed{.position = position, .account = account, .amount = amount};
  const auto found = step.state.money().owed().find({account, position});
  if (found != step.state.money().owed().end())
    owed.amount += found->second.amount;
  step.state.Put(owed);
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

}  // namespace

void Credit(Step& step, TrialId id) {
  Trial trial = *step.state.Find(id);
  Account account = *step.state.Find(trial.account);
  const Task& task = *step.state.Find(trial.task);
  VerdictIn(trial).is_matured = true;
  if (task.rule == RewardRule::kPplns) {
    TrialSettlement settled = SettlementOf(trial);
    settled.pay = WorthOf(task, trial.work_units);
    SetSettlement(trial, settled);
    if (settled.pay > 0) {
      AddOwed(step, account.id,
              OwedPosition(step.state.accounts().units_credited(),
                           step.policy.pplns_window_units),
              settled.pay);
    }
  }
  account.units_credited += trial.work_units;
  step.state.Put(account);
  step.state.Put(trial);
}

Amount TakeCreditBack(Step& step, const Trial& trial) {
  // Otherwise nothing was paid for it before its task has ended.
  if (!IsMatured(trial) ||
      step.state.Find(trial.task)->rule != RewardRule::kPplns) {
    return 0;
  }
  Amount left = SettlementOf(trial).pay;
  std::vector<Owed> owed;
  for (auto it = step.state.money().owed().lower_bound({trial.account, 0});
       it != step.state.money().owed().end() &&
       it->first.first == trial.account;
       ++it) {
    owed.push_back(it->second);
  }
  // The latest first: what is owed longest is likeliest of other work.
  for (auto one = owed.rbegin(); one != owed.rend() && left > 0; ++one) {
    const Amount taken = std::min(one->amount, left);
    AddOwed(step, trial.account, one->position, -taken);
    left -= taken;
  }
  return left;
}

absl::StatusOr<SetRevenueSplit::Reply> Execute(Step& step,
                                               const SetRevenueSplit& command) {
  if (std::ssize(command.parts) > limits::kSplitPartsMax) {
    return InvalidArgument(
        "SPLIT_RANGE",
        absl::StrCat("a split has ", limits::kSplitPartsMax, " parts at most"));
  }
  const std::string& caller = step.state.Find(command.caller)->name;
  std::vector<RevenuePart> split;
  int64_t sum = 0;
  for (const auto& [name, share_ppm] : command.parts) {
    const Account* account = step.state.accounts().Find(name);
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
  Account account = *step.state.Find(command.caller);
  account.split = std::move(split);
  if (account != *step.state.Find(account.id)) {
    ARCHPOOL_RETURN_IF_ERROR(CheckMayMoveMoney(account));
    step.state.Put(account);
  }
  return account;
}

absl::StatusOr<SetShareConsent::Reply> Execute(Step& step,
                                               const SetShareConsent& command) {
  const Account* payer = step.state.accounts().Find(command.account_name);
  if (!MayShare(payer)) return NoOneToShareWith(command.account_name);
  Account account = *step.state.Find(command.caller);
  if (TakesFrom(account, payer->id) == command.is_given ||
      payer->id == account.id) {
    return account;
  }
  if (!command.is_given) {
    std::erase(account.shares_from, payer->id);
  } else if (std::ssize(account.shares_from) >= limits::kConsentsMax) {
    return ResourceExhausted(
        "CONSENTS_MAX",
        absl::StrCat("an account shares in the pay of ", limits::kConsentsMax,
                     " others at most; decline another first"));
  } else {
    account.shares_from.push_back(payer->id);
  }
  step.state.Put(account);
  return account;
}

}  // namespace archpool::money
