// SPDX-License-Identifier: Apache-2.0
// archpool task init: a task's file out of four answers. Thread-compatible.
#ifndef ARCHPOOL_CLIENT_INIT_COMMAND_H_
#define ARCHPOOL_CLIENT_INIT_COMMAND_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "client/context.h"

namespace archpool {

// As given; "" or 0: not given, and asked for at a terminal.
struct InitFlags {
  std::string file = "task.yaml";
  std::string data;
  std::string labels;
  std::string name;
  std::string goal;  // accuracy, small or fast
  int64_t parameters_max = 0;
  int64_t macs_max = 0;
  int64_t trials = 0;
  std::string time;
  std::string family;
};

// Under `archpool task`.
void AddInitCommand(CLI::App& group, Action& action);

// Asks for what is missing at the terminal behind `descriptor`, where
// `is_terminal`, and never reads it elsewhere. Opens the data, and writes the
// file: new, whole or not at all, and such that `archpool task check` accepts
// it. INVALID_ARGUMENT: FLAGS_MISSING (no terminal; the message names them),
// ANSWERS_ENDED, FLAG_RANGE; as FindData, BringDataset, MakeDraft, LookAtTask.
// ALREADY_EXISTS (FILE_EXISTS); CANCELLED (STOPPED); FILE_UNWRITABLE.
absl::Status InitTask(Context& context, InitFlags flags, int descriptor,
                      bool is_terminal);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_INIT_COMMAND_H_
