// SPDX-License-Identifier: Apache-2.0
// What a training takes in memory, from its plan and batch alone: an upper
// bound of what the kernels lay out (TrainingBytes, common/kernels/training.h),
// mostly half as much again. It takes no layout to be made, which is thousands
// of times the work, and the pool, to give out work, looks at many networks for
// each that it gives. Programs and datasets come on top. Values are never
// negative and nothing overflows within the limits of plans and recipes.
#ifndef ARCHPOOL_COMMON_NAS_TRAINING_MEMORY_H_
#define ARCHPOOL_COMMON_NAS_TRAINING_MEMORY_H_

#include <cstdint>

#include "common/nas/layer_plan.h"

namespace archpool {

// REQUIRES: batch_size in limits::kBatchSize (common/model/limits.h); a plan
// that MakeLayerPlan made.
int64_t TrainingMemoryMaxBytes(const LayerPlan& plan, int64_t batch_size);

// A checkpoint's files: weights with their buffers, and the optimiser's state.
int64_t CheckpointMaxBytes(const LayerPlan& plan);

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_TRAINING_MEMORY_H_
