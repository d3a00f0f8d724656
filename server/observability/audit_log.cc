// SPDX-License-Identifier: Apache-2.0
#include "server/observability/audit_log.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "absl/time/time.h"
#include "common/log/log.h"
#include "server/storage/all_trials.h"

namespace archpool {

namespace {

double PercentOf(double share) { return std::round(share * 1000) / 10; }

}  // namespace

std::optional<AuditReport> ReportAudits(const TaskSummary& summary,
                                        int64_t budget_ppm) {
  if (summary.training_time <= absl::ZeroDuration()) return std::nullopt;
  const double share =
      absl::FDivDuration(summary.audit_time, summary.training_time);
  const double budget = static_cast<double>(budget_ppm) / 1e6;
  AuditReport report{.is_over_budget = share > budget,
                     .audits_percent = PercentOf(share),
                     .budget_percent = PercentOf(budget)};
  const auto least =
      std::min_element(summary.shares.begin(), summary.shares.end(),
                       [](const MinerShare& a, const MinerShare& b) {
                         return a.detection_ppm < b.detection_ppm;
                       });
  if (least != summary.shares.end()) {
    report.detection_percent =
        PercentOf(static_cast<double>(least->detection_ppm) / 1e6);
  }
  return report;
}

LogRecord LineOf(TaskId task, const AuditReport& report) {
  LogRecord line{.event = "task_audited",
                 .sentence =
                     "a task ended; this is what its audits took and "
                     "what they would have detected",
                 .fields = {{"task_id", task},
                            {"audits_percent", report.audits_percent},
                            {"budget_percent", report.budget_percent}}};
  if (report.detection_percent) {
    line.fields.push_back({"detection_percent", *report.detection_percent});
  }
  if (report.is_over_budget) {
    line.level = LogLevel::kWarn;
    line.event = "audits_over_budget";
    line.sentence =
        "a task ended whose audits took more than their share of its training "
        "time";
    line.advice =
        "lower --audit-floor, or raise --audit-budget if that is what the "
        "pool should spend";
  }
  return line;
}

void AuditLog::OnCommit(absl::Span<const Event> events) {
  for (const Event& event : events) {
    const auto* task = std::get_if<Task>(&event);
    if (task == nullptr || !IsEnded(task->state)) continue;
    // Nobody misses the line where too much else is asked for.
    (void)chores_.Run([this, id = task->id] { Report(id); });
  }
}

void AuditLog::Report(TaskId task) {
  const auto trials = AllTrials(reader_, task);
  if (!trials.ok()) return;
  const auto report = ReportAudits(Summarize(*trials), budget_ppm_);
  if (report) Log(LineOf(task, *report));
}

}  // namespace archpool
