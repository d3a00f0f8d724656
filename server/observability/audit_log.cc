// SPDX-License-Identifier: Apache-2.0
#include "server/observability/audit_log.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <variant>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "server/storage/all_trials.h"

namespace archpool {

AuditReport ReportAudits(const TaskSummary& summary, int64_t budget_ppm) {
  if (summary.training_time <= absl::ZeroDuration()) return {};
  const double share =
      absl::FDivDuration(summary.audit_time, summary.training_time);
  const double budget = static_cast<double>(budget_ppm) / 1e6;
  AuditReport report;
  report.is_over_budget = share > budget;
  report.text = absl::StrFormat(
      "audits took %.1f %% of the time of what they audited (budget %.1f %%)",
      100 * share, 100 * budget);
  const auto least =
      std::min_element(summary.shares.begin(), summary.shares.end(),
                       [](const MinerShare& a, const MinerShare& b) {
                         return a.detection_ppm < b.detection_ppm;
                       });
  if (least != summary.shares.end()) {
    absl::StrAppendFormat(
        &report.text,
        "; a miner that faked every tenth trial was found out with %.1f %% at "
        "least",
        static_cast<double>(least->detection_ppm) / 1e4);
  }
  return report;
}

void AuditLog::OnCommit(absl::Span<const Event> events) {
  for (const Event& event : events) {
    const auto* task = std::get_if<Task>(&event);
    if (task == nullptr || !IsEnded(task->state)) continue;
    // Nobody misses the line where too much else is asked for.
    (void)chores_.Run([this, id = task->id] { Log(id); });
  }
}

void AuditLog::Log(TaskId task) {
  const auto trials = AllTrials(reader_, task);
  if (!trials.ok()) return;
  const AuditReport report = ReportAudits(Summarize(*trials), budget_ppm_);
  if (report.text.empty()) return;
  spdlog::log(report.is_over_budget ? spdlog::level::warn : spdlog::level::info,
              "{}: {}", task.ToString(), report.text);
}

}  // namespace archpool
