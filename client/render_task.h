// SPDX-License-Identifier: Apache-2.0
// Tasks as pages for people. Pure functions.
#ifndef ARCHPOOL_CLIENT_RENDER_TASK_H_
#define ARCHPOOL_CLIENT_RENDER_TASK_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "archpool/v1/task.pb.h"
#include "client/text.h"

namespace archpool {

bool IsEnded(v1::TaskState state);
Color ColorOf(v1::TaskState state);
Color ColorOf(v1::TrialState state);
// "succeeded (budget)".
std::string DescribeState(const v1::Task& task);

// One line per task.
std::string RenderTaskList(const std::vector<v1::TaskSummary>& tasks,
                           absl::Time now, const Terminal& terminal);

// Everything about one task: how far it is, its best network, the front, where
// the reward went and whether that adds up, why trials were rejected.
std::string RenderTask(const v1::Task& task, absl::Time now,
                       const Terminal& terminal);

// "91.25 %", or "-" where it is not known.
std::string Claimed(const v1::Trial& trial);
std::string Measured(const v1::Trial& trial);
std::string Verified(const v1::Trial& trial);
// " at rung 2"; "" at the first one, which is 0.
std::string AtRung(const v1::Trial& trial);

// A miner's trials, with reasons and pay.
std::string RenderTrials(const std::vector<v1::Trial>& trials,
                         const Terminal& terminal);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_RENDER_TASK_H_
