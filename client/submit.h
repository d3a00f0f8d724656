// SPDX-License-Identifier: Apache-2.0
// Submits what a task file describes: its dataset, then the task.
#ifndef ARCHPOOL_CLIENT_SUBMIT_H_
#define ARCHPOOL_CLIENT_SUBMIT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "client/context.h"
#include "client/dataset_files.h"
#include "client/space_facts.h"
#include "client/task_file.h"

namespace archpool {

struct SubmittedTask {
  int64_t task_id = 0;
  bool is_new = true;  // false: it was open already, from the same file
};

// Looks at the dataset's files and at the balance, then sends the files that
// the server does not hold (showing how far it is, on stderr), registers the
// dataset and opens the task. Idempotent by `request_id`; where that is "", by
// the file's contents: what was opened from the same contents and is still
// active is not opened again. Errors as BringDataset and LookAtTask;
// OUTCOME_UNKNOWN (see client/doubt.h).
absl::StatusOr<SubmittedTask> SubmitTask(Context& context, TaskFile file,
                                         const std::string& request_id);

// What can be known of a task without a server. Errors as LookAtDataset and
// LookAtSpace.
struct TaskFacts {
  DatasetFacts dataset;
  SpaceFacts space;
};
absl::StatusOr<TaskFacts> LookAtTask(const TaskFile& file,
                                     const LookOptions& options = {});

// Says what is understood, and what is probably not meant, on stderr.
void ShowFacts(const Output& output, const TaskFacts& task);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_SUBMIT_H_
