// SPDX-License-Identifier: Apache-2.0
#include "server/core/views/task_summary.h"

#include "server/core/views/running_summary.h"

namespace archpool {

TaskSummary Summarize(absl::Span<const Trial> trials) {
  RunningSummary summary;
  for (const Trial& trial : trials) summary.Put(trial);
  return summary.Get();
}

}  // namespace archpool
