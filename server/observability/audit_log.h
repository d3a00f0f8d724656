// What an ended task's audits cost and what they bought, for the operator.
#ifndef ARCHPOOL_SERVER_OBSERVABILITY_AUDIT_LOG_H_
#define ARCHPOOL_SERVER_OBSERVABILITY_AUDIT_LOG_H_

#include <cstdint>
#include <string>

#include "server/core/views/task_summary.h"

namespace archpool {

struct AuditReport {
  std::string text;             // "" where nothing was trained
  bool is_over_budget = false;  // audits took longer than the budget allows
};

// `budget_ppm`: what audits may take, in millionths of the trainings' time.
AuditReport ReportAudits(const TaskSummary& summary, int64_t budget_ppm);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_OBSERVABILITY_AUDIT_LOG_H_
