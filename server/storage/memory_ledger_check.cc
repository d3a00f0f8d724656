// SPDX-License-Identifier: Apache-2.0
#include "server/storage/memory_ledger_check.h"

#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/storage/ledger_sums.h"

namespace archpool::memory {
namespace {

using Int128 = LedgerSum;

// Also what was paid before it was found false.
bool IsPaidFor(const Trial& trial) {
  return trial.state == TrialState::kRejected ||
         (trial.state == TrialState::kAccepted && IsMatured(trial));
}

class Checker {
 public:
  explicit Checker(const Tables& tables) : tables_(tables) {}

  LedgerCheck Run() {
    Int128 moved = 0;
    for (const auto& [id, transfer] : tables_.All<Transfer>()) {
      ++check_.transfers;
      moved += transfer.amount;
      recomputed_[transfer.from] -= transfer.amount;
      recomputed_[transfer.to] += transfer.amount;
    }
    check_.debits = DecimalText(moved);
    check_.credits = check_.debits;
    std::vector<Balance> balances;
    for (const auto& [place, balance] : tables_.All<Balance>()) {
      balances.push_back(balance);
    }
    CheckBalances(recomputed_, balances, check_);
    CheckEscrows();
    CheckEarnings();
    CheckOwed();
    CheckPayouts();
    return check_;
  }

 private:
  template <typename... Parts>
  void Complain(const Parts&... parts) {
    check_.violations.push_back(absl::StrCat(parts...));
  }
  const absl::btree_map<Place, Balance>& balances() const {
    return tables_.All<Balance>();
  }
  Amount Recorded(Place place) const {
    const auto found = balances().find(place);
    return found == balances().end() ? 0 : found->second.amount;
  }

  void CheckEscrows() {
    const auto& tasks = tables_.All<Task>();
    for (const auto& [place, balance] : balances()) {
      if (place.kind != PlaceKind::kEscrow || balance.amount == 0) continue;
      const auto task = tasks.find(TaskId{place.id});
      if (task != tasks.end() && !IsEnded(task->second.state)) continue;
      Complain("the task has ended, and ", ToString(place), " still holds ",
               balance.amount);
    }
  }

  bool IsByWindow(TaskId task) const {
    return tables_.All<Task>().at(task).rule == RewardRule::kPplns;
  }

  // What an ended task paid each miner, beside what its trials earned; through
  // the window, all miners together (account 0).
  void CheckEarnings() {
    struct Sums {
      Int128 paid = 0;
      Int128 earned = 0;
    };
    absl::btree_map<std::tuple<TaskId, int64_t, std::string>, Sums> all;
    for (const auto& [id, transfer] : tables_.All<Transfer>()) {
      const bool is_pay = transfer.kind == TransferKind::kPay;
      if (is_pay || transfer.kind == TransferKind::kFindersBonus) {
        const bool is_common = is_pay && IsByWindow(transfer.task);
        all[{transfer.task, is_common ? 0 : transfer.to.id,
             ToString(transfer.kind)}]
            .paid += transfer.amount;
      }
    }
    for (const auto& [id, trial] : tables_.All<Trial>()) {
      if (!IsPaidFor(trial)) continue;
      const Task& task = tables_.All<Task>().at(trial.task);
      // Its settlement may be under way, and moves the money last.
      if (task.state == TaskState::kFinishing) continue;
      if (task.rule == RewardRule::kPplns && !IsEnded(task.state)) continue;
      for (const auto& [kind, amount] :
           {std::pair(TransferKind::kPay, SettlementOf(trial).pay),
            std::pair(TransferKind::kFindersBonus,
                      SettlementOf(trial).finders_bonus)}) {
        const bool is_common =
            kind == TransferKind::kPay && IsByWindow(trial.task);
        all[{trial.task, is_common ? 0 : trial.account.value, ToString(kind)}]
            .earned += amount;
      }
    }
    for (const auto& [key, sums] : all) {
      if (sums.paid == sums.earned) continue;
      const auto& [task, account, kind] = key;
      Complain(task.ToString(), " moved ", DecimalText(sums.paid), " to ",
               ToString(Place::Of(AccountId{account})), " as ", kind,
               ", its accepted trials earned ", DecimalText(sums.earned));
    }
  }

  // What an account earned in tasks that pay through the window, it was paid
  // or is owed.
  void CheckOwed() {
    absl::btree_map<int64_t, std::pair<Int128, Int128>> all;  // got, earned
    for (const auto& [id, transfer] : tables_.All<Transfer>()) {
      if (transfer.kind == TransferKind::kPay && IsByWindow(transfer.task)) {
        all[transfer.to.id].first += transfer.amount;
      }
    }
    for (const auto& [key, owed] : tables_.All<Owed>()) {
      all[owed.account.value].first += owed.amount;
    }
    for (const auto& [id, trial] : tables_.All<Trial>()) {
      if (IsPaidFor(trial) && IsByWindow(trial.task)) {
        all[trial.account.value].second += SettlementOf(trial).pay;
      }
    }
    for (const auto& [account, sums] : all) {
      if (sums.first == sums.second) continue;
      Complain(ToString(Place::Of(AccountId{account})),
               " was paid through the window, and is owed, ",
               DecimalText(sums.first), ", and earned ",
               DecimalText(sums.second));
    }
  }

  // Each was set aside once, and its end moved the money once.
  void CheckPayouts() {
    absl::btree_map<PayoutId, std::pair<int, int>> moved;  // begun, ended
    for (const auto& [id, transfer] : tables_.All<Transfer>()) {
      if (!transfer.payout.IsSet()) continue;
      auto& [begun, ended] = moved[transfer.payout];
      ++(transfer.kind == TransferKind::kPayout ? begun : ended);
    }
    Int128 open = 0;
    for (const auto& [id, payout] : tables_.All<Payout>()) {
      if (!IsEnded(payout.state)) open += payout.amount;
      const auto& [begun, ended] = moved[id];
      if (begun == 1 && ended == (IsEnded(payout.state) ? 1 : 0)) continue;
      Complain(id.ToString(), " is ", ToString(payout.state), ", and has ",
               begun, " + ", ended, " transfers");
    }
    if (open != Recorded(Place::Payouts())) {
      Complain("the open payouts come to ", DecimalText(open), ", and ",
               Recorded(Place::Payouts()), " is set aside");
    }
  }

  const Tables& tables_;
  LedgerSums recomputed_;
  LedgerCheck check_;
};

}  // namespace

LedgerCheck CheckLedger(const Tables& tables) { return Checker(tables).Run(); }

}  // namespace archpool::memory
