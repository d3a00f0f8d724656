// How fast this machine trains: a fixed small network on data made up here.
#ifndef ARCHPOOL_WORKER_TRAIN_SPEED_H_
#define ARCHPOOL_WORKER_TRAIN_SPEED_H_

#include <cstdint>

#include "absl/time/time.h"
#include "common/kernels/simd.h"

namespace archpool {

// Of one training, which takes about `duration`, and at least two steps. 0:
// there is not memory enough for it.
double ImagesPerSecond(const kernels::Machine& machine,
                       absl::Duration duration);

// What so many trainings take in memory at a time.
int64_t SideBySideBytes(int trainings);

// Of so many trainings at a time, together, or of as many as there can be
// threads.
double ImagesPerSecondSideBySide(const kernels::Machine& machine, int trainings,
                                 absl::Duration duration);

}  // namespace archpool

#endif  // ARCHPOOL_WORKER_TRAIN_SPEED_H_
