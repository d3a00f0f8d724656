// SPDX-License-Identifier: Apache-2.0
// A task half-way and at its end, as a server would show it.
#ifndef ARCHPOOL_CLIENT_SAMPLE_TASK_TEST_UTIL_H_
#define ARCHPOOL_CLIENT_SAMPLE_TASK_TEST_UTIL_H_

#include "absl/time/time.h"
#include "archpool/v1/pool.pb.h"
#include "archpool/v1/task.pb.h"

namespace archpool::testing {

// 2026-01-31 17:05:09 UTC, and when the sample task was submitted.
inline absl::Time SampleNow() { return absl::FromUnixSeconds(1'769'879'109); }
inline absl::Time SampleStart() { return SampleNow() - absl::Seconds(754); }

v1::Trial SampleTrial(int64_t trial_id, const std::string& account,
                      v1::TrialState state);
// A backup that runs, for a slow primary.
v1::Lease SampleBackup();
v1::Task RunningTask();
v1::Task EndedTask();
// As lists show it.
v1::TaskSummary SummaryOf(const v1::Task& task);
v1::ListWorkersResponse SampleWorkers();

}  // namespace archpool::testing

#endif  // ARCHPOOL_CLIENT_SAMPLE_TASK_TEST_UTIL_H_
