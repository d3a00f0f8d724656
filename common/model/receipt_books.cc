// SPDX-License-Identifier: Apache-2.0
#include "common/model/receipt_books.h"

#include <algorithm>
#include <iterator>
#include <variant>

#include "absl/strings/match.h"

namespace archpool {
namespace {

__extension__ using Int128 = __int128;

// ⌊pot · (before + weight) / total⌋ − ⌊pot · before / total⌋; nullopt where
// that makes no sense.
std::optional<Amount> AmountOf(const ShareReceipt& share) {
  if (share.pot < 0 || share.before < 0 || share.weight < 0 ||
      share.total <= 0 || share.before > share.total ||
      share.weight > share.total - share.before) {
    return std::nullopt;
  }
  const auto running = [&share](int64_t weight) {
    return Int128{share.pot} * weight / share.total;
  };
  return static_cast<Amount>(running(share.before + share.weight) -
                             running(share.before));
}

constexpr char kProportional[] = "proportional";
constexpr char kWindow[] = "pplns";
constexpr char kFinders[] = "finders_bonus";

// What kinds of movements there are, from where to where: "own" is the account.
struct Movement {
  const char* kind;
  const char* from;
  const char* to;
};
constexpr Movement kMovements[] = {
    {"deposit", "outside", "own"},    {"escrow", "own", "escrow:"},
    {"pay", "escrow:", "own"},        {kFinders, "escrow:", "own"},
    {"refund", "escrow:", "own"},     {"share", "own", "account:"},
    {"share", "account:", "own"},     {"payout", "own", "payouts"},
    {"settle", "payouts", "outside"}, {"return", "payouts", "own"},
    {"fee", "escrow:", "fees"},
};

bool IsPlace(const std::string& place, const std::string& own,
             absl::string_view pattern) {
  if (pattern == "own") return place == own;
  return absl::EndsWith(pattern, ":")
             ? absl::StartsWith(place, pattern) && place != own
             : place == pattern;
}

}  // namespace

void ReceiptBooks::Add(const ReceiptContent& receipt) {
  std::visit([this](const auto& body) { Note(body); }, receipt.body);
}

void ReceiptBooks::Close(const ReceiptStatement& statement) {
  for (const auto& [id, trial] : trials_) CloseTrial(id, trial);
  for (auto& [task, sums] : report_.tasks) CloseTask(task, sums);
  for (const auto& [id, payout] : payouts_) ClosePayout(id, payout);
  report_.owed = window_worth_ - window_paid_;
  report_.balance = static_cast<Amount>(balance_);
  if (balance_ != statement.balance) {
    Complain("the pool states a balance of ", FormatCoins(statement.balance),
             ", the receipts make ", FormatCoins(report_.balance));
  }
}

void ReceiptBooks::AddTo(Amount& sum, Amount amount) {
  if (__builtin_add_overflow(sum, amount, &sum)) {
    sum = 0;
    Complain("a sum passes every amount there is");
  }
}

void ReceiptBooks::Note(const VerdictReceipt& verdict) {
  std::optional<VerdictReceipt>& terms = tasks_[verdict.task].terms;
  if (!terms) terms = verdict;
  const bool is_rule_known =
      verdict.rule == kProportional || verdict.rule == kWindow;
  if (!is_rule_known || verdict.work_units < 0 || verdict.work_pot < 0 ||
      verdict.budget_units <= 0 || verdict.work_units > verdict.budget_units) {
    Complain(verdict.trial.ToString(), " has no price");
    return;
  }
  if (terms->rule != verdict.rule || terms->work_pot != verdict.work_pot ||
      terms->budget_units != verdict.budget_units ||
      terms->deadline != verdict.deadline) {
    Complain(verdict.task.ToString(), " changed its price");
  }
  std::optional<VerdictReceipt>& before = trials_[verdict.trial].verdict;
  if (before && (before->task != verdict.task ||
                 before->work_units != verdict.work_units ||
                 before->architecture_id != verdict.architecture_id ||
                 before->checkpoint_root != verdict.checkpoint_root)) {
    Complain(verdict.trial.ToString(), " became another trial");
  }
  before = verdict;
}

void ReceiptBooks::Note(const CreditReceipt& credit) {
  trials_[credit.trial].credit = credit;
}

void ReceiptBooks::Note(const ShareReceipt& share) {
  TaskState& task = tasks_[share.task];
  TaskReceipts& sums = report_.tasks[share.task];
  if (AmountOf(share) != share.amount) {
    Complain("the share of ", share.task.ToString(), " by the rule ",
             share.rule, " is ", FormatCoins(share.amount),
             ", not what it is made of");
  }
  if (share.rule == kFinders) {
    AddTo(sums.bonus, share.amount);
    return;
  }
  AddTo(sums.pay, share.amount);
  if (task.terms && task.terms->rule != share.rule) {
    Complain(share.task.ToString(), " paid by the rule ", share.rule,
             ", not by its own");
  }
  if (share.rule == kWindow) {
    AddTo(window_paid_, share.amount);
  } else if (share.rule != kProportional) {
    Complain("there is no rule ", share.rule);
  } else if (task.work.has_value()) {
    Complain(share.task.ToString(), " was settled twice");
  } else {
    task.work = share;
  }
}

void ReceiptBooks::Note(const TransferReceipt& transfer) {
  const bool is_in = transfer.to == place_;
  const bool is_out = transfer.from == place_;
  const bool is_known = std::any_of(
      std::begin(kMovements), std::end(kMovements), [&](const Movement& one) {
        return transfer.kind == one.kind &&
               IsPlace(transfer.from, place_, one.from) &&
               IsPlace(transfer.to, place_, one.to);
      });
  const bool is_payout = transfer.kind == "payout" ||
                         transfer.kind == "settle" || transfer.kind == "return";
  if (!is_known || transfer.amount <= 0 ||
      transfer.payout.IsSet() != is_payout) {
    Complain(transfer.transfer.ToString(), ", ", transfer.kind, " from ",
             transfer.from, " to ", transfer.to,
             ", is no movement that a pool makes");
  }
  if (!seen_.insert(transfer.transfer).second) {
    Complain(transfer.transfer.ToString(), " is there twice");
  }
  if (is_in) AddTo(report_.moved_in[transfer.kind], transfer.amount);
  if (is_out) AddTo(report_.moved_out[transfer.kind], transfer.amount);
  balance_ += (is_in ? transfer.amount : 0) - (is_out ? transfer.amount : 0);
  if (balance_ < 0 && !is_negative_) {
    is_negative_ = true;
    Complain("the balance falls below 0 with ", transfer.transfer.ToString());
  }
  TaskState& task = tasks_[transfer.task];
  if (transfer.kind == "pay") AddTo(task.paid, transfer.amount);
  if (transfer.kind == kFinders) AddTo(task.bonus_paid, transfer.amount);
  if (!is_payout) return;
  PayoutSums& payout = payouts_[transfer.payout];
  AddTo(transfer.kind == "payout"   ? payout.set_aside
        : transfer.kind == "settle" ? payout.settled
                                    : payout.returned,
        transfer.amount);
}

void ReceiptBooks::Note(const PayoutReceipt& payout) {
  PayoutSums& sums = payouts_[payout.payout];
  if (!sums.first) sums.first = payout;
  if (sums.first->amount != payout.amount ||
      sums.first->address != payout.address || sums.first->key != payout.key) {
    Complain(payout.payout.ToString(), " became another payout");
  }
  sums.state = payout.state;
}

void ReceiptBooks::Note(const CarriedReceipt& carried) {
  if (carried.amount < 0 || report_.carried != 0) {
    Complain(
        "the balance from before there were receipts is carried over "
        "wrongly");
  }
  AddTo(report_.carried, carried.amount);
  balance_ += carried.amount;
}

void ReceiptBooks::CloseTrial(TrialId id, const TrialState& trial) {
  if (!trial.verdict) {
    Complain(id.ToString(), " is credited without a verdict");
    return;
  }
  const VerdictReceipt& verdict = *trial.verdict;
  TaskReceipts& sums = report_.tasks[verdict.task];
  if (!verdict.is_accepted) {
    ++sums.rejected;
    if (verdict.reason.empty()) {
      Complain(id.ToString(), " is rejected without a reason");
    }
    return;
  }
  ++sums.accepted;
  if (!trial.credit) {
    tasks_[verdict.task].lacks_credit = true;
    return;
  }
  if (trial.credit->work_units != verdict.work_units ||
      trial.credit->task != verdict.task) {
    Complain(id.ToString(), " is credited with ", trial.credit->work_units,
             " work units, its verdict says ", verdict.work_units);
  }
  AddTo(sums.units_credited, trial.credit->work_units);
  if (verdict.rule != kWindow) return;
  AddTo(window_worth_,
        static_cast<Amount>(Int128{verdict.work_pot} * verdict.work_units /
                            verdict.budget_units));
}

void ReceiptBooks::CloseTask(TaskId id, TaskReceipts& sums) {
  const TaskState& task = tasks_[id];
  sums.is_settled = task.work.has_value();
  if (task.work.has_value()) CloseProportional(id, task, sums);
  if (task.paid != sums.pay) {
    Complain(id.ToString(), " paid ", FormatCoins(task.paid),
             ", its shares say ", FormatCoins(sums.pay));
  }
  if (task.bonus_paid != sums.bonus) {
    Complain(id.ToString(), " paid a finder's bonus of ",
             FormatCoins(task.bonus_paid), ", its shares say ",
             FormatCoins(sums.bonus));
  }
  // What the window owes does not say which task has ended.
  const bool waits =
      task.lacks_credit || (task.terms && task.terms->rule == kProportional &&
                            !sums.is_settled && sums.accepted > 0);
  sums.is_overdue = waits && task.terms->deadline < report_.time;
}

void ReceiptBooks::CloseProportional(TaskId id, const TaskState& task,
                                     const TaskReceipts& sums) {
  const ShareReceipt& work = *task.work;
  if (task.lacks_credit || work.weight != sums.units_credited) {
    Complain(id.ToString(), " paid for ", work.weight,
             " work units, and credited ", sums.units_credited,
             task.lacks_credit ? ", and less than it accepted" : "");
  }
  if (task.terms && (work.pot != task.terms->work_pot ||
                     work.total != task.terms->budget_units)) {
    Complain(id.ToString(), " paid another price than it credited at");
  }
}

void ReceiptBooks::ClosePayout(PayoutId id, const PayoutSums& payout) {
  const Amount amount = payout.first ? payout.first->amount : 0;
  // Set aside before there were receipts, perhaps.
  const bool is_carried = payout.first && payout.first->state == kPayoutCarried;
  if (payout.set_aside != (is_carried ? 0 : amount) ||
      payout.settled != (payout.state == "settled" ? amount : 0) ||
      payout.returned != (payout.state == "refused" ? amount : 0)) {
    Complain(id.ToString(), " of ", FormatCoins(amount), " is ", payout.state,
             ", and moved ", FormatCoins(payout.set_aside), " aside, ",
             FormatCoins(payout.settled), " out and ",
             FormatCoins(payout.returned), " back");
  }
}

}  // namespace archpool
