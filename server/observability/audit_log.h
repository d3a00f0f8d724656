// SPDX-License-Identifier: Apache-2.0
// Logs what the audits of an ended task cost, and with which chance they would
// have detected a cheat, for the operator.
#ifndef ARCHPOOL_SERVER_OBSERVABILITY_AUDIT_LOG_H_
#define ARCHPOOL_SERVER_OBSERVABILITY_AUDIT_LOG_H_

#include <cstdint>
#include <optional>

#include "absl/types/span.h"
#include "common/log/log.h"
#include "server/core/views/task_summary.h"
#include "server/engine/engine_listener.h"
#include "server/engine/executor.h"
#include "server/storage/store.h"

namespace archpool {

struct AuditReport {
  bool is_over_budget = false;  // audits took longer than the budget allows
  // What audits took, and may take, of the trainings' time.
  double audits_percent = 0;
  double budget_percent = 0;
  // With which chance a miner that faked every tenth trial was detected: that
  // of the miner for whom it is least; unset: no miner.
  std::optional<double> detection_percent;
};

// `budget_ppm`: what audits may take, in millionths of the trainings' time.
// nullopt: nothing was trained. Pure; thread-safe.
std::optional<AuditReport> ReportAudits(const TaskSummary& summary,
                                        int64_t budget_ppm);

// The line that says it.
LogRecord LineOf(TaskId task, const AuditReport& report);

// Logs the report of each task that ends. Called on the engine's threads
// (EngineListener).
class AuditLog : public EngineListener {
 public:
  // Trials are read on `chores`. Both outlive the log, and `chores` has stopped
  // by the time that the log or `reader` go.
  AuditLog(Reader& reader, Executor& chores, int64_t budget_ppm)
      : reader_(reader), chores_(chores), budget_ppm_(budget_ppm) {}

  void OnCommit(absl::Span<const Event> events) override;
  // Ended tasks are in no snapshot.
  void OnLoad(const PoolSnapshot&) override {}

 private:
  void Report(TaskId task);

  Reader& reader_;
  Executor& chores_;
  const int64_t budget_ppm_;
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_OBSERVABILITY_AUDIT_LOG_H_
