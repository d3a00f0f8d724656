// SPDX-License-Identifier: Apache-2.0
// The JSON Schema (draft 2020-12) of task files: for editors, and for people
// who look a key up. A test holds it against the parser.
#ifndef ARCHPOOL_CLIENT_TASK_SCHEMA_H_
#define ARCHPOOL_CLIENT_TASK_SCHEMA_H_

#include "absl/strings/string_view.h"

namespace archpool {

// The text of deploy/task.schema.json, which ends in a line feed. Thread-safe.
absl::string_view TaskSchema();

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_TASK_SCHEMA_H_
