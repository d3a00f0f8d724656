// SPDX-License-Identifier: Apache-2.0
#include "client/render_receipts.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"

namespace archpool {
namespace {

using Align = Table::Align;

// What each type of receipt says: one overload for people, one for programs.
std::string Describe(const VerdictReceipt& r) {
  return absl::StrCat(r.trial.ToString(), " of ", r.task.ToString(), " ",
                      r.is_accepted
                          ? absl::StrCat("accepted (", Clean(r.basis), ")")
                          : absl::StrCat("rejected: ", Clean(r.reason)),
                      ", ", FormatCoreSeconds(r.work_units), " core seconds");
}
std::string Describe(const CreditReceipt& r) {
  return absl::StrCat(r.trial.ToString(), " of ", r.task.ToString(),
                      " credited with ", FormatCoreSeconds(r.work_units),
                      " core seconds");
}
std::string Describe(const ShareReceipt& r) {
  return absl::StrCat(FormatCoins(r.amount), " coins of ", r.task.ToString(),
                      " (", Clean(r.rule), "): ", FormatCount(r.weight), " of ",
                      FormatCount(r.total), " parts of ", FormatCoins(r.pot),
                      " coins");
}
std::string Describe(const TransferReceipt& r) {
  return absl::StrCat(r.transfer.ToString(), " ", Clean(r.kind), " of ",
                      FormatCoins(r.amount), " coins from ", Clean(r.from),
                      " to ", Clean(r.to));
}
std::string Describe(const PayoutReceipt& r) {
  return absl::StrCat(r.payout.ToString(), " of ", FormatCoins(r.amount),
                      " coins to ", Clean(r.address), " ", Clean(r.state),
                      r.reference.empty() ? "" : ", ", Clean(r.reference),
                      r.reason.empty() ? "" : ", ", Clean(r.reason));
}
std::string Describe(const CarriedReceipt& r) {
  return absl::StrCat(FormatCoins(r.amount),
                      " coins from before there were receipts");
}
std::string Describe(const AddressReceipt& r) {
  return absl::StrCat("payout address ",
                      r.address.empty() ? "none" : Clean(r.address), " ",
                      Clean(r.state), r.state == "waiting" ? " until " : " ",
                      FormatMoment(r.time));
}
std::string Describe(const OperatorReceipt& r) {
  return absl::StrCat(FormatMoment(r.time), "  ", r.by.ToString(), "  ",
                      Clean(r.action), r.subject.empty() ? "" : " ",
                      Clean(r.subject), r.detail.empty() ? "" : ": ",
                      Clean(r.detail));
}

Json Fields(const VerdictReceipt& r) {
  return {{"kind", "verdict"},
          {"trial_id", r.trial.value},
          {"task_id", r.task.value},
          {"lease_id", r.lease.value},
          {"rung", r.rung},
          {"architecture_id", r.architecture_id.ToString()},
          {"checkpoint_root", r.checkpoint_root.ToString()},
          {"work_units", r.work_units},
          {"claimed_correct", r.claimed_correct},
          {"verdict", r.is_accepted ? "accepted" : "rejected"},
          {"basis", Clean(r.basis)},
          {"verified_accuracy_ppm", r.verified_accuracy_ppm},
          {"reason", Clean(r.reason)},
          {"rule", Clean(r.rule)},
          {"work_pot", FormatCoins(r.work_pot)},
          {"budget_work_units", r.budget_units},
          {"deadline", FormatMoment(r.deadline)}};
}
Json Fields(const CreditReceipt& r) {
  return {{"kind", "credit"},
          {"trial_id", r.trial.value},
          {"task_id", r.task.value},
          {"work_units", r.work_units}};
}
Json Fields(const ShareReceipt& r) {
  return {{"kind", "share"},
          {"task_id", r.task.value},
          {"trial_id", r.trial.value},
          {"rule", Clean(r.rule)},
          {"pot", FormatCoins(r.pot)},
          {"before", r.before},
          {"weight", r.weight},
          {"total", r.total},
          {"amount", FormatCoins(r.amount)}};
}
Json Fields(const TransferReceipt& r) {
  return {{"kind", "transfer"},
          {"transfer_id", r.transfer.value},
          {"transfer_kind", Clean(r.kind)},
          {"from", Clean(r.from)},
          {"to", Clean(r.to)},
          {"amount", FormatCoins(r.amount)},
          {"task_id", r.task.value},
          {"payout_id", r.payout.value},
          {"time", FormatMoment(r.time)}};
}
Json Fields(const PayoutReceipt& r) {
  return {{"kind", "payout"},
          {"payout_id", r.payout.value},
          {"amount", FormatCoins(r.amount)},
          {"address", Clean(r.address)},
          {"key", r.key.ToString()},
          {"state", Clean(r.state)},
          {"reference", Clean(r.reference)},
          {"reason", Clean(r.reason)}};
}
Json Fields(const CarriedReceipt& r) {
  return {{"kind", "carried"}, {"amount", FormatCoins(r.amount)}};
}

Json Fields(const AddressReceipt& r) {
  return {{"kind", "address"},
          {"address", Clean(r.address)},
          {"state", Clean(r.state)},
          {"time", FormatMoment(r.time)}};
}

Json Fields(const OperatorReceipt& r) {
  return {{"kind", "operator"},        {"operator_account_id", r.by.value},
          {"action", Clean(r.action)}, {"subject", Clean(r.subject)},
          {"detail", Clean(r.detail)}, {"time", FormatMoment(r.time)}};
}

std::string StateOf(const TaskReceipts& task) {
  if (task.is_settled) return "settled";
  return task.is_overdue ? "overdue" : "open";
}

std::string RenderTasks(const ReceiptReport& report, const Terminal& terminal) {
  Table table({{"task", Align::kRight},
               {"accepted", Align::kRight},
               {"rejected", Align::kRight},
               {"core seconds", Align::kRight},
               {"pay", Align::kRight},
               {"bonus", Align::kRight},
               {"state"}});
  for (const auto& [id, task] : report.tasks) {
    table.AddRow(
        {absl::StrCat(id.value),
         FormatCount(task.accepted),
         FormatCount(task.rejected),
         FormatCoreSeconds(task.units_credited),
         FormatCoins(task.pay),
         FormatCoins(task.bonus),
         {StateOf(task), task.is_overdue ? Color::kYellow : Color::kNone}});
  }
  return table.empty() ? "" : absl::StrCat(table.Render(terminal, 2), "\n");
}

std::string Sums(const char* title, const std::map<std::string, Amount>& sums) {
  std::string text;
  for (const auto& [kind, amount] : sums) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", Clean(kind), " ",
                    FormatCoins(amount));
  }
  return text.empty() ? "" : absl::StrCat("  ", title, text, "\n");
}

}  // namespace

std::string RenderReceiptReport(const ReceiptReport& report,
                                const Terminal& terminal) {
  std::string out = absl::StrCat(
      report.account.IsSet() ? report.account.ToString()
                             : std::string("the pool's own books"),
      ": ", FormatCount(report.receipts), " receipts, complete up to seal ",
      report.seal, " (", FormatMoment(report.time), ")\n",
      report.restores == 0
          ? ""
          : absl::StrCat("The pool was restored from a backup ",
                         report.restores == 1
                             ? "once"
                             : absl::StrCat(report.restores, " times"),
                         ".\n"),
      "\n", RenderTasks(report, terminal));
  absl::StrAppend(&out, Sums("in       ", report.moved_in),
                  Sums("out      ", report.moved_out));
  if (report.carried != 0) {
    absl::StrAppend(&out, "  carried  ", FormatCoins(report.carried),
                    " from before there were receipts\n");
  }
  if (report.owed > 0) {
    absl::StrAppend(&out, "  owed     ", FormatCoins(report.owed),
                    " through the window\n");
  } else if (report.owed < 0) {
    absl::StrAppend(&out, "  void     ", FormatCoins(-report.owed),
                    " was paid for work that was found false afterwards\n");
  }
  absl::StrAppend(&out, "  balance  ", FormatCoins(report.balance), "\n\n");
  for (const std::string& problem : report.problems) {
    absl::StrAppend(&out, Paint(terminal, Color::kRed, "wrong: "),
                    Clean(problem), "\n");
  }
  absl::StrAppend(
      &out,
      report.problems.empty()
          ? Paint(terminal, Color::kGreen,
                  "All receipts are there, as the pool signed them, and "
                  "add up.")
          : Paint(terminal, Color::kRed,
                  "The pool signed what does not add up: show this "
                  "folder to its operator."),
      "\n");
  return out;
}

Json ToJson(const ReceiptReport& report) {
  Json tasks = Json::array();
  for (const auto& [id, task] : report.tasks) {
    tasks.push_back({{"task_id", id.value},
                     {"accepted", task.accepted},
                     {"rejected", task.rejected},
                     {"work_units_credited", task.units_credited},
                     {"pay", FormatCoins(task.pay)},
                     {"finders_bonus", FormatCoins(task.bonus)},
                     {"state", StateOf(task)}});
  }
  const auto sums = [](const std::map<std::string, Amount>& all) {
    Json json = Json::object();
    for (const auto& [kind, amount] : all) {
      json[Clean(kind)] = FormatCoins(amount);
    }
    return json;
  };
  Json problems = Json::array();
  for (const std::string& one : report.problems) problems.push_back(Clean(one));
  return {{"account_id", report.account.value},
          {"seal", report.seal},
          {"restores", report.restores},
          {"seal_time", FormatMoment(report.time)},
          {"receipts", report.receipts},
          {"tasks", tasks},
          {"in", sums(report.moved_in)},
          {"out", sums(report.moved_out)},
          {"carried", FormatCoins(report.carried)},
          {"owed", FormatCoins(report.owed)},
          {"balance", FormatCoins(report.balance)},
          {"problems", problems}};
}

std::string DescribeReceipt(const ReceiptContent& receipt) {
  return absl::StrCat(
      receipt.id.value, "  ",
      std::visit([](const auto& body) { return Describe(body); },
                 receipt.body));
}

Json ToJson(const ReceiptContent& receipt) {
  Json json =
      std::visit([](const auto& body) { return Fields(body); }, receipt.body);
  json["receipt_id"] = receipt.id.value;
  return json;
}

}  // namespace archpool
