// SPDX-License-Identifier: Apache-2.0
// The tasks room: how they come, and how they begin to end. Called by the pool
// alone.
#ifndef ARCHPOOL_SERVER_CORE_TASKS_TASKS_H_
#define ARCHPOOL_SERVER_CORE_TASKS_TASKS_H_

#include "absl/status/statusor.h"
#include "server/core/commands/commands.h"
#include "server/core/state/step.h"

namespace archpool::tasks {

absl::StatusOr<RegisterDataset::Reply> Execute(Step& step,
                                               const RegisterDataset& command);
absl::StatusOr<SubmitTask::Reply> Execute(Step& step,
                                          const SubmitTask& command);
// The task as it is before what follows from its cancelling.
absl::StatusOr<CancelTask::Reply> Execute(Step& step,
                                          const CancelTask& command);

// An active task gives no more leases; nothing where it is not active.
void BeginFinishing(Step& step, TaskId id, EndReason reason);

// A result was accepted: the task may have met its target, spent its budget, or
// shown that nothing in it learns.
void EndIfMet(Step& step, TrialId accepted);

}  // namespace archpool::tasks

#endif  // ARCHPOOL_SERVER_CORE_TASKS_TASKS_H_
