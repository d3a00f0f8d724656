// SPDX-License-Identifier: Apache-2.0
// archpool search: a whole pool on this machine, for one task.
#ifndef ARCHPOOL_CLIENT_RUN_SEARCH_H_
#define ARCHPOOL_CLIENT_RUN_SEARCH_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "client/context.h"

namespace archpool {

struct SearchFlags {
  std::string file;       // the task
  std::string folder;     // "": named after the file
  int64_t threads = 0;    // for trainings; 0: all that this machine has
  bool is_again = false;  // another task, whatever the folder holds
};

// Runs the task to its end, or continues it, or shows what it came to, and
// stops whatever it started. Call on the thread that main runs on: the programs
// that it starts end with that thread.
//
// Before anything is started: LoadTaskFile's and LookAtTask's errors; NOT_FOUND
// (PROGRAM_MISSING); ClaimDirectory's errors; FAILED_PRECONDITION
// (TASK_CHANGED, SEARCH_STATE_MALFORMED). Later: INTERNAL (PROGRAM_ENDED);
// ABORTED (TASK_FAILED): no training was accepted; SubmitTask's and
// WriteResult's errors.
absl::Status RunSearch(Context& context, const SearchFlags& flags);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_RUN_SEARCH_H_
