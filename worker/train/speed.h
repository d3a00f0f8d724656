// SPDX-License-Identifier: Apache-2.0
// How fast this machine trains: a fixed small network on data made up here.
#ifndef ARCHPOOL_WORKER_TRAIN_SPEED_H_
#define ARCHPOOL_WORKER_TRAIN_SPEED_H_

#include <cstdint>

#include "absl/time/time.h"
#include "common/kernels/simd.h"
#include "worker/train/lane_plan.h"

namespace archpool {

// The speed of one training, which takes about `duration`, and at least two
// steps. 0: there is not memory enough for it.
double ImagesPerSecond(const kernels::Machine& machine,
                       absl::Duration duration);

// The speed of all the lanes' trainings together, or of as many as there can be
// threads.
double ImagesPerSecond(const kernels::Machine& machine, const LanePlan& lanes,
                       absl::Duration duration);

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_TRAIN_SPEED_H_
