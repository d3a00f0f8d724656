// SPDX-License-Identifier: Apache-2.0
// What the events of a whole history say of the tasks that have ended: what was
// stored of each at its end must be what its trials add up to when all is over,
// whatever happened after it. Not thread-safe.
#ifndef ARCHPOOL_TESTS_SIM_ENDED_TASKS_H_
#define ARCHPOOL_TESTS_SIM_ENDED_TASKS_H_

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "absl/types/span.h"
#include "server/core/records/entities.h"

namespace archpool {

class EndedTasks {
 public:
  // As one commit has them.
  void Take(absl::Span<const Event> events);
  // Fails the test where a summary differs, or is not there. How many there
  // are of tasks with a result, and with a rejected trial.
  int64_t Check() const;

 private:
  void CheckOne(const Task& task, const std::vector<Trial>& trials) const;

  std::map<TaskId, Task> tasks_;
  std::map<TrialId, Trial> trials_;
  std::map<SubspaceId, TaskId> subspaces_;
  std::map<TaskId, SummaryRecord> summaries_;
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SIM_ENDED_TASKS_H_
