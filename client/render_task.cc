// SPDX-License-Identifier: Apache-2.0
#include "client/render_task.h"

#include "absl/strings/str_cat.h"
#include "client/json.h"
#include "client/render_lease.h"
#include "client/render_terms.h"
#include "client/times.h"
#include "common/wire/words.h"

namespace archpool {
namespace {

using Align = Table::Align;

std::string Title(const Terminal& terminal, absl::string_view text) {
  return absl::StrCat("\n", Paint(terminal, Color::kBold, text), "\n");
}

std::string RenderHead(const v1::Task& task, const Terminal& terminal) {
  const std::string id = absl::StrCat("task-", task.task_id());
  const std::string state = DescribeState(task);
  const size_t room = terminal.width - id.size() - state.size() - 4;
  const std::string name = Shorten(terminal, Clean(task.spec().name()), room);
  return absl::StrCat(Paint(terminal, Color::kBold, id), "  ", name,
                      std::string(room - DisplayWidth(name) + 2, ' '),
                      Paint(terminal, ColorOf(task.state()), state), "\n");
}

std::string RenderProgress(const v1::Task& task, absl::Time now,
                           const Terminal& terminal) {
  const absl::Time start = ToTime(task.create_time());
  const bool is_ended = IsEnded(task.state());
  const absl::Time end = is_ended ? ToTime(task.end_time()) : now;
  std::string out =
      absl::StrCat("  client    ", Clean(task.client_name()), ", submitted ",
                   FormatMoment(start), ", ", is_ended ? "took " : "for ",
                   FormatSpan(end - start), "\n");
  absl::StrAppend(&out, "  space     ", FormatCount(task.space_size()),
                  " architectures in ", FormatCount(task.subspaces()),
                  is_ended ? " subspaces" : " subspaces so far");
  if (!task.is_partial()) {
    absl::StrAppend(&out, ", ", FormatCount(task.subspaces_explored()),
                    " explored");
  }
  absl::StrAppend(&out, "\n");
  if (task.has_manifest()) {
    const v1::DatasetManifest& dataset = task.manifest();
    absl::StrAppend(
        &out, "  dataset   images of ", dataset.channels(), "x",
        dataset.height(), "x", dataset.width(), ", ", dataset.classes(),
        " classes: ", FormatCount(dataset.train_count()), " to train on, ",
        FormatCount(dataset.validation_count()), " to validate, ",
        FormatCount(dataset.held_out_count()), " held out\n");
  }
  absl::StrAppend(&out, "  trials    ", task.trials_accepted(), " accepted, ");
  if (task.trials_at_chance() > 0) {
    absl::StrAppend(&out, task.trials_at_chance(), " of them at chance, ");
  }
  absl::StrAppend(&out, task.trials_rejected(), " rejected, ",
                  task.trials_abandoned(), " abandoned");
  if (!is_ended) {
    absl::StrAppend(&out, ", ", task.trials_pending(), " in verification, ",
                    task.trials_assigned(), " assigned");
  }
  if (task.trials_known() > 0) {
    absl::StrAppend(&out, "\n            ", task.trials_known(),
                    " known from earlier tasks: not paid again");
  }
  absl::StrAppend(&out, "\n  work      ",
                  FormatCoreSeconds(task.work_units_accepted()), " of ",
                  FormatCoreSeconds(task.spec().budget_work_units()),
                  " core-seconds accepted\n");
  if (task.training_time().seconds() > 0) {
    absl::StrAppend(
        &out, "  audits    ", FormatSpan(ToDuration(task.audit_time())),
        " for ", FormatSpan(ToDuration(task.training_time())), " of training (",
        FormatPercent(static_cast<int64_t>(
            1e6 * absl::FDivDuration(ToDuration(task.audit_time()),
                                     ToDuration(task.training_time())))),
        ")\n");
  }
  if (const std::string bonus = DescribeBonus(task); !bonus.empty()) {
    absl::StrAppend(&out, "  bonus     ", bonus, "\n");
  }
  if (const std::string why = DescribeEnd(task); !why.empty()) {
    absl::StrAppend(&out, Wrap(why, terminal.width, 2));
  }
  if (!is_ended) {
    absl::StrAppend(&out, "  deadline  ",
                    FormatMoment(ToTime(task.deadline_time())), "\n");
  }
  return out;
}

std::string RenderBest(const v1::Trial& best, const Terminal& terminal) {
  return absl::StrCat(
      Title(terminal, "Best network"), "  trial-", best.trial_id(), " by ",
      Clean(best.account_name()), AtRung(best), ": ",
      Paint(terminal, Color::kGreen, Verified(best)),
      " verified on the held-out split\n  ", FormatShort(best.parameters()),
      " parameters, ", FormatShort(best.macs()),
      " multiply-accumulates; on the validation split\n  measured ",
      Measured(best), ", claimed ", Claimed(best), "\n",
      best.description().empty()
          ? ""
          : Wrap(Clean(best.description()), terminal.width, 4));
}

std::string RenderFront(const v1::Task& task, const Terminal& terminal) {
  const bool is_ended = IsEnded(task.state());
  Table table({{"trial", Align::kRight},
               {"verified", Align::kRight},
               {"MACs", Align::kRight},
               {"parameters", Align::kRight},
               {"bonus", Align::kRight},
               {"miner"}});
  for (const v1::Trial& trial : task.front()) {
    table.AddRow({absl::StrCat(trial.trial_id()), Verified(trial),
                  FormatShort(trial.macs()), FormatShort(trial.parameters()),
                  is_ended ? FormatCoins(trial.finders_bonus_micros()) : "-",
                  trial.account_name()});
  }
  return absl::StrCat(
      Title(terminal, "Front: verified accuracy against multiply-accumulates"),
      table.Render(terminal, 2));
}

std::string RenderReward(const v1::Task& task, const Terminal& terminal) {
  const bool is_ended = IsEnded(task.state());
  Table table({{"to"},
               {"accepted", Align::kRight},
               {"rejected", Align::kRight},
               {"core-seconds", Align::kRight},
               {"coins", Align::kRight}});
  int64_t sum = task.fee_micros() + task.refund_micros();
  for (const v1::MinerShare& share : task.shares()) {
    sum += share.paid_micros();
    table.AddRow({share.account_name(), absl::StrCat(share.trials_accepted()),
                  absl::StrCat(share.trials_rejected()),
                  FormatCoreSeconds(share.work_units()),
                  is_ended ? FormatCoins(share.paid_micros()) : "-"});
  }
  std::string note;
  if (task.is_partial()) {
    note = absl::StrCat(
        "  What others got, and what went back, is between them and the pool.",
        is_ended ? "\n" : " Coins\n  are split when the task has ended.\n");
  } else if (is_ended) {
    table.AddRow(
        {"the pool's fee", "", "", "", FormatCoins(task.fee_micros())});
    table.AddRow(
        {"back to the client", "", "", "", FormatCoins(task.refund_micros())});
    table.AddRow(
        {{"sum", Color::kBold}, "", "", "", {FormatCoins(sum), Color::kBold}});
    if (sum != task.spec().reward_micros()) {
      note = absl::StrCat(
          "  ", Paint(terminal, Color::kRed, "This is not the reward: "),
          "tell the pool's operator.\n");
    }
  } else {
    note = "  Coins are split when the task has ended.\n";
  }
  return absl::StrCat(
      Title(terminal,
            absl::StrCat("Reward of ", FormatCoins(task.spec().reward_micros()),
                         " coins")),
      table.Render(terminal, 2), note);
}

// What a miner would have had to reckon with.
std::string RenderDetection(const v1::Task& task, const Terminal& terminal) {
  Table table({{"miner"},
               {"audited", Align::kRight},
               {"of", Align::kRight},
               {"one fake in ten found out", Align::kRight}});
  for (const v1::MinerShare& share : task.shares()) {
    table.AddRow({share.account_name(), absl::StrCat(share.trials_audited()),
                  absl::StrCat(share.trials_accepted()),
                  FormatPercent(share.detection_ppm())});
  }
  return absl::StrCat(Title(terminal, "Proof"), table.Render(terminal, 2));
}

std::string RenderRejected(const v1::Task& task, const Terminal& terminal) {
  Table table({{"trials", Align::kRight}, {"reason"}});
  for (const v1::ReasonCount& count : task.rejected_by_reason()) {
    table.AddRow({absl::StrCat(count.count()), {count.reason(), Color::kRed}});
  }
  return absl::StrCat(Title(terminal, "Rejected"), table.Render(terminal, 2));
}

std::string RenderBackups(const v1::Task& task, const Terminal& terminal) {
  std::string out = Title(terminal, "Backups");
  for (const v1::Lease& backup : task.backups()) {
    absl::StrAppend(
        &out, "  ",
        Shorten(terminal, RenderBackupLine(backup), terminal.width - 2), "\n");
  }
  return out;
}

}  // namespace

bool IsEnded(v1::TaskState state) {
  return state == v1::TASK_STATE_SUCCEEDED || state == v1::TASK_STATE_FAILED ||
         state == v1::TASK_STATE_CANCELLED;
}

Color ColorOf(v1::TaskState state) {
  switch (state) {
    case v1::TASK_STATE_ACTIVE:
      return Color::kCyan;
    case v1::TASK_STATE_FINISHING:
      return Color::kYellow;
    case v1::TASK_STATE_SUCCEEDED:
      return Color::kGreen;
    default:
      return Color::kRed;
  }
}

Color ColorOf(v1::TrialState state) {
  switch (state) {
    case v1::TRIAL_STATE_ACCEPTED:
      return Color::kGreen;
    case v1::TRIAL_STATE_REJECTED:
      return Color::kRed;
    case v1::TRIAL_STATE_ABANDONED:
      return Color::kYellow;
    default:
      return Color::kNone;
  }
}

std::string DescribeState(const v1::Task& task) {
  const std::string word = wire::WordOf(task.state());
  const std::string why = wire::WordOf(task.end_reason());
  return why.empty() ? word : absl::StrCat(word, " (", why, ")");
}

std::string RenderTaskList(const std::vector<v1::TaskSummary>& tasks,
                           absl::Time now, const Terminal& terminal) {
  if (tasks.empty()) return "No tasks yet.\n";
  Table table({{"task", Align::kRight},
               {"state"},
               {"accepted", Align::kRight},
               {"best", Align::kRight},
               {"reward", Align::kRight},
               {"age", Align::kRight},
               {"name"}});
  for (const v1::TaskSummary& task : tasks) {
    table.AddRow({absl::StrCat(task.task_id()),
                  {wire::WordOf(task.state()), ColorOf(task.state())},
                  absl::StrCat(task.trials_accepted()),
                  task.has_best_verified_accuracy_ppm()
                      ? FormatPercent(task.best_verified_accuracy_ppm())
                      : "-",
                  FormatCoins(task.reward_micros()),
                  FormatSpan(now - ToTime(task.create_time())),
                  task.name()});
  }
  return table.Render(terminal, 0);
}

std::string RenderTask(const v1::Task& task, absl::Time now,
                       const Terminal& terminal) {
  std::string page = absl::StrCat(RenderHead(task, terminal),
                                  RenderProgress(task, now, terminal));
  if (task.has_best()) {
    absl::StrAppend(&page, RenderBest(task.best(), terminal));
  }
  if (task.front_size() > 0) {
    absl::StrAppend(&page, RenderFront(task, terminal));
  }
  absl::StrAppend(&page, RenderReward(task, terminal),
                  RenderDetection(task, terminal));
  if (task.backups_size() > 0) {
    absl::StrAppend(&page, RenderBackups(task, terminal));
  }
  if (task.rejected_by_reason_size() > 0) {
    absl::StrAppend(&page, RenderRejected(task, terminal));
  }
  return page;
}

std::string Claimed(const v1::Trial& trial) {
  return trial.has_claimed_accuracy_ppm()
             ? FormatPercent(trial.claimed_accuracy_ppm())
             : "-";
}

std::string Measured(const v1::Trial& trial) {
  return trial.has_measured_accuracy_ppm()
             ? FormatPercent(trial.measured_accuracy_ppm())
             : "-";
}

std::string Verified(const v1::Trial& trial) {
  return trial.has_verified_accuracy_ppm()
             ? FormatPercent(trial.verified_accuracy_ppm())
             : "-";
}

std::string AtRung(const v1::Trial& trial) {
  return trial.rung() == 0 ? "" : absl::StrCat(" at rung ", trial.rung());
}

std::string RenderTrials(const std::vector<v1::Trial>& trials,
                         const Terminal& terminal) {
  if (trials.empty()) return "No trials yet.\n";
  Table table({{"trial", Align::kRight},
               {"task", Align::kRight},
               {"rung", Align::kRight},
               {"state"},
               {"claimed", Align::kRight},
               {"basis"},
               {"verified", Align::kRight},
               {"coins", Align::kRight},
               {"reason"}});
  int64_t pay = 0;
  for (const v1::Trial& trial : trials) {
    const int64_t own = trial.pay_micros() + trial.finders_bonus_micros();
    const std::string basis = wire::WordOf(trial.basis());
    pay += own;
    table.AddRow({absl::StrCat(trial.trial_id()),
                  absl::StrCat(trial.task_id()),
                  absl::StrCat(trial.rung()),
                  {wire::WordOf(trial.state()), ColorOf(trial.state())},
                  Claimed(trial),
                  basis.empty() ? "-" : basis,
                  Verified(trial),
                  own == 0 ? "-" : FormatCoins(own),
                  trial.reason()});
  }
  return absl::StrCat(table.Render(terminal, 0),
                      FormatCount(static_cast<int64_t>(trials.size())),
                      " trials, ", FormatCoins(pay),
                      " coins paid (tasks pay when they end)\n");
}

}  // namespace archpool
