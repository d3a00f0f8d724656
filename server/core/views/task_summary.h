// SPDX-License-Identifier: Apache-2.0
// How a task goes, computed from its committed records: what clients, miners
// and operators are shown. Pure.
#ifndef ARCHPOOL_SERVER_CORE_VIEWS_TASK_SUMMARY_H_
#define ARCHPOOL_SERVER_CORE_VIEWS_TASK_SUMMARY_H_

#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "server/core/leaves/front_builder.h"
#include "server/core/records/entities.h"

namespace archpool {

struct TaskSummary : TaskSums {
  // The accepted trial with the highest verified accuracy; the cheaper, then
  // the earlier, of equal ones.
  std::optional<Trial> best;
  std::vector<Trial> front;  // FinalistsOf
};

// `trials`: every trial of one task, in any order.
TaskSummary Summarize(absl::Span<const Trial> trials);

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_VIEWS_TASK_SUMMARY_H_
