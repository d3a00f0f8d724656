// SPDX-License-Identifier: Apache-2.0
// How trainings share a machine: all of it for one at a time, or a lane for
// each of several side by side. Pure; thread-safe.
#ifndef ARCHPOOL_WORKER_TRAIN_LANE_PLAN_H_
#define ARCHPOOL_WORKER_TRAIN_LANE_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace archpool {

// The program, its calls and its buffers beside its trainings.
inline constexpr int64_t kProgramBytes = int64_t{48} << 20;

// What a lane has at least where nobody asked for a number of them: room for
// nearly every network of the examples. What needs more would have to wait for
// the whole machine, time and again.
inline constexpr int64_t kLaneBytesMin = int64_t{512} << 20;

struct LanePlan {
  int64_t lanes = 1;
  int64_t threads = 1;       // of each
  int64_t memory_bytes = 0;  // of each, as if it had the program alone; 0: any

  friend bool operator==(const LanePlan&, const LanePlan&) = default;
};

// `threads` and `memory_bytes` (0: not known) are the whole program's.
// REQUIRES: 0 < lanes <= threads.
LanePlan PlanLanes(int64_t lanes, int64_t threads, int64_t memory_bytes);

// What is worth measuring, at most four plans: one lane first, then as many as
// there are threads and memory for, half as many, and so on. One lane alone
// where it is not known how much memory there is to share.
std::vector<LanePlan> LaneChoices(int64_t threads, int64_t memory_bytes);

// The choice that fills the machine best, by what each was measured to do. Of
// those that are as good but for the measurement's error it is the one with the
// fewest lanes, whose trials are done soonest. REQUIRES: as many rates as
// choices, and one at least.
size_t FillsBest(const std::vector<LanePlan>& choices,
                 const std::vector<double>& rates);

// "4 trainings, 2 threads each".
std::string DescribeLanes(const LanePlan& plan);

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_TRAIN_LANE_PLAN_H_
