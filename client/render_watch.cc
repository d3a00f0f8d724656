// SPDX-License-Identifier: Apache-2.0
#include "client/render_watch.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/json.h"
#include "client/render_lease.h"
#include "client/render_pool.h"
#include "client/render_task.h"
#include "client/times.h"
#include "common/wire/words.h"

namespace archpool {
namespace {

constexpr size_t kEventsShown = 8;
constexpr size_t kWorkersShown = 12;
constexpr size_t kBarWidth = 28;
constexpr absl::string_view kBestTitle = "  best ";

std::string ClockTime(absl::Time time) {
  return absl::FormatTime("%H:%M:%S", time, absl::UTCTimeZone());
}

// The share of whichever limit will be met first, in thousandths, and in words.
struct Progress {
  int64_t done = 0;
  int64_t whole = 1;
  std::string words;
};

Progress ProgressOf(const v1::Task& task) {
  const v1::TaskSpec& spec = task.spec();
  const Progress work = {
      task.work_units_accepted(),
      std::max<int64_t>(1, spec.budget_work_units()),
      absl::StrCat(FormatCoreSeconds(task.work_units_accepted()), "/",
                   FormatCoreSeconds(spec.budget_work_units()),
                   " core-seconds")};
  if (spec.trials_max() == 0) return work;
  const Progress trials = {
      task.trials_accepted(), spec.trials_max(),
      absl::StrCat(task.trials_accepted(), "/", spec.trials_max(), " trials")};
  const bool is_trials_first =
      static_cast<double>(trials.done) / static_cast<double>(trials.whole) >=
      static_cast<double>(work.done) / static_cast<double>(work.whole);
  return is_trials_first ? trials : work;
}

void AddHead(const v1::Task& task, absl::Time now, const Terminal& terminal,
             std::vector<std::string>& lines) {
  const std::string id = absl::StrCat("task-", task.task_id());
  const std::string state = DescribeState(task);
  const absl::Time start = ToTime(task.create_time());
  const absl::Time end = IsEnded(task.state()) ? ToTime(task.end_time()) : now;
  const size_t room = terminal.width - id.size() - state.size() - 4;
  lines.push_back(
      absl::StrCat(Paint(terminal, Color::kBold, id), "  ",
                   Paint(terminal, ColorOf(task.state()), state), "  ",
                   Shorten(terminal, Clean(task.spec().name()), room)));
  std::string time = absl::StrCat("  elapsed ", FormatSpan(end - start));
  if (task.state() == v1::TASK_STATE_FINISHING) {
    absl::StrAppend(&time, ": the best are trained once more before they win");
  } else if (!IsEnded(task.state())) {
    absl::StrAppend(&time, ", ends in ",
                    FormatSpan(ToTime(task.deadline_time()) - now),
                    " at the latest");
  }
  lines.push_back(Shorten(terminal, time, terminal.width));
  const Progress progress = ProgressOf(task);
  lines.push_back(absl::StrCat(
      "  ",
      Paint(terminal, Color::kCyan,
            Bar(terminal, progress.done, progress.whole, kBarWidth)),
      " ", Shorten(terminal, progress.words, terminal.width - kBarWidth - 3)));
  lines.push_back(
      Shorten(terminal,
              absl::StrCat("  ", task.trials_accepted(), " accepted, ",
                           task.trials_pending(), " in verification, ",
                           task.trials_assigned(), " assigned, ",
                           task.trials_rejected(), " rejected, ",
                           task.trials_abandoned(), " abandoned"),
              terminal.width));
}

void AddBest(const v1::Task& task, const Terminal& terminal,
             std::vector<std::string>& lines) {
  if (!task.has_best()) {
    lines.push_back("  no verified network yet");
    return;
  }
  const v1::Trial& best = task.best();
  const std::string accuracy = Verified(best);
  const std::string words = absl::StrCat(
      " verified, ", FormatShort(best.parameters()), " parameters, ",
      FormatShort(best.macs()), " MACs, by ", Clean(best.account_name()));
  lines.push_back(absl::StrCat(
      kBestTitle, Paint(terminal, Color::kGreen, accuracy),
      Shorten(terminal, words,
              terminal.width - kBestTitle.size() - accuracy.size())));
  const std::string description =
      Wrap(Clean(best.description()), terminal.width, kBestTitle.size());
  for (const absl::string_view line :
       absl::StrSplit(description, '\n', absl::SkipEmpty())) {
    lines.push_back(Paint(terminal, Color::kDim, line));
  }
}

void AddWorkers(const WatchView& view, const Terminal& terminal, size_t count,
                std::vector<std::string>& lines) {
  if (view.workers.empty() || count == 0) return;
  lines.push_back(Paint(terminal, Color::kBold, "Workers"));
  Table table({{"worker"}, {"activity"}, {"progress"}});
  const size_t shown = std::min(count, view.workers.size());
  for (size_t i = 0; i < shown; ++i) {
    const v1::WorkerStatus& worker = view.workers[i];
    const std::string activity =
        worker.has_trial_id() ? absl::StrCat(wire::WordOf(worker.activity()),
                                             " trial-", worker.trial_id())
                              : wire::WordOf(worker.activity());
    table.AddRow(
        {absl::StrCat(worker.account_name(), "/", worker.worker_name()),
         {activity, worker.activity() == v1::WORKER_ACTIVITY_SILENT
                        ? Color::kYellow
                        : Color::kNone},
         RenderSteps(worker, terminal, 16)});
  }
  std::vector<std::string> rows =
      absl::StrSplit(table.Render(terminal, 2), '\n', absl::SkipEmpty());
  // The titles say nothing that the rows do not.
  lines.insert(lines.end(), rows.begin() + 1, rows.end());
  if (shown < view.workers.size()) {
    lines.push_back(
        absl::StrCat("  and ", view.workers.size() - shown, " more"));
  }
}

void AddRefusals(const v1::Task& task, const Terminal& terminal,
                 std::vector<std::string>& lines) {
  if (task.rejected_by_reason().empty()) return;
  std::string words;
  for (const v1::ReasonCount& count : task.rejected_by_reason()) {
    absl::StrAppend(&words, words.empty() ? "" : ", ", count.count(), " ",
                    Clean(count.reason()));
  }
  lines.push_back(Paint(
      terminal, Color::kRed,
      Shorten(terminal, absl::StrCat("Rejected: ", words), terminal.width)));
}

void AddEvents(const WatchView& view, const Terminal& terminal, size_t count,
               std::vector<std::string>& lines) {
  if (view.events.empty() || count == 0) return;
  lines.push_back(Paint(terminal, Color::kBold, "Events"));
  const size_t first = view.events.size() - std::min(count, view.events.size());
  for (size_t i = first; i < view.events.size(); ++i) {
    const WatchEvent& event = view.events[i];
    const std::string time = ClockTime(event.time);
    lines.push_back(absl::StrCat(
        "  ", Paint(terminal, Color::kDim, time), " ",
        Paint(
            terminal, event.color,
            Shorten(terminal, event.text, terminal.width - time.size() - 3))));
  }
}

// What its accuracy rests on.
std::string ProofOf(const v1::Trial& trial) {
  if (trial.has_verified_accuracy_ppm()) {
    return absl::StrCat(Verified(trial), " verified");
  }
  return absl::StrCat(Claimed(trial), " claimed",
                      trial.basis() == v1::TRIAL_BASIS_SAMPLED_OUT
                          ? ", not drawn"
                          : ", replayed in part");
}

}  // namespace

std::vector<std::string> RenderWatch(const WatchView& view, absl::Time now,
                                     const Terminal& terminal, size_t height) {
  std::vector<std::string> lines;
  AddHead(view.task, now, terminal, lines);
  AddBest(view.task, terminal, lines);
  AddRefusals(view.task, terminal, lines);
  if (view.is_server_away) {
    lines.push_back(
        Paint(terminal, Color::kYellow, "The server is away: trying again"));
  }
  // A frame higher than the screen could not be drawn over.
  const auto room = [&](size_t reserved) {
    const size_t used = lines.size() + reserved;
    return height > used ? height - used : 0;
  };
  AddWorkers(view, terminal, std::min(kWorkersShown, room(2) / 2), lines);
  AddEvents(view, terminal, std::min(kEventsShown, room(1)), lines);
  if (lines.size() > height) lines.resize(height);
  return lines;
}

std::vector<WatchEvent> TaskEvents(const v1::Task& before,
                                   const v1::Task& after, absl::Time now) {
  std::vector<WatchEvent> events;
  if (after.has_best() && after.best().trial_id() != before.best().trial_id()) {
    events.push_back({now,
                      absl::StrCat("best so far: ", Verified(after.best()),
                                   " by ", Clean(after.best().account_name()),
                                   ", trial-", after.best().trial_id()),
                      Color::kGreen});
  }
  const auto is_new = [&](const v1::Lease& backup) {
    return std::none_of(before.backups().begin(), before.backups().end(),
                        [&](const v1::Lease& known) {
                          return known.lease_id() == backup.lease_id() &&
                                 known.state() == backup.state();
                        });
  };
  for (auto it = after.backups().rbegin(); it != after.backups().rend(); ++it) {
    if (!is_new(*it)) continue;
    events.push_back(
        {now, absl::StrCat("backup ", RenderBackupLine(*it)), Color::kYellow});
  }
  if (after.state() != before.state()) {
    events.push_back({now, absl::StrCat("the task is ", DescribeState(after)),
                      ColorOf(after.state())});
  }
  return events;
}

std::vector<WatchEvent> TrialEvents(const v1::Trial& trial, absl::Time now) {
  const std::string who = absl::StrCat("trial-", trial.trial_id(), " of ",
                                       Clean(trial.account_name()));
  if (trial.state() == v1::TRIAL_STATE_ACCEPTED) {
    return {
        {now,
         absl::StrCat(who, " accepted", AtRung(trial), ": ", ProofOf(trial)),
         Color::kNone}};
  }
  if (trial.state() != v1::TRIAL_STATE_REJECTED) return {};
  std::string text = absl::StrCat(who, " rejected: ", Clean(trial.reason()));
  if (trial.has_measured_accuracy_ppm()) {
    absl::StrAppend(&text, " (claimed ", Claimed(trial), ", measured ",
                    Measured(trial), ")");
  }
  return {{now, text, Color::kRed}};
}

std::string RenderWatchLine(const v1::Task& task) {
  std::string line =
      absl::StrCat("task-", task.task_id(), " ", DescribeState(task), ": ",
                   task.trials_accepted(), " accepted, ", task.trials_pending(),
                   " in verification, ", task.trials_rejected(), " rejected");
  if (task.has_best()) {
    absl::StrAppend(&line, ", best ", Verified(task.best()));
  }
  return line;
}

std::string RenderEventLine(const WatchEvent& event) {
  return absl::StrCat(ClockTime(event.time), " ", event.text);
}

}  // namespace archpool
