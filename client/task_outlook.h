// SPDX-License-Identifier: Apache-2.0
// What will probably go otherwise than a client means, in a task that every
// rule admits. Pure; thread-safe.
#ifndef ARCHPOOL_CLIENT_TASK_OUTLOOK_H_
#define ARCHPOOL_CLIENT_TASK_OUTLOOK_H_

#include <string>
#include <vector>

#include "client/dataset_files.h"
#include "client/space_facts.h"
#include "common/model/task_spec.h"

namespace archpool {

// One sentence each, the gravest first: accuracies that cannot be told from a
// guess, a budget or a time that ends the search before its trials, a space
// that has fewer networks than trials are asked for. What is wrong with the
// images alone, dataset.warnings says.
std::vector<std::string> OutlookOf(const TaskSpec& spec,
                                   const DatasetFacts& dataset,
                                   const SpaceFacts& space);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_TASK_OUTLOOK_H_
