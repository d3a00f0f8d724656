// Submits what a task file describes: its dataset, then the task.
#ifndef ARCHPOOL_CLIENT_SUBMIT_H_
#define ARCHPOOL_CLIENT_SUBMIT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "client/context.h"
#include "client/task_file.h"

namespace archpool {

// Sends the dataset files that the server does not hold (showing how far it is,
// on stderr), registers the dataset and opens the task; answers its id.
// Idempotent by `request_id`.
absl::StatusOr<int64_t> SubmitTask(Context& context, TaskFile file,
                                   const std::string& request_id);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_SUBMIT_H_
