// SPDX-License-Identifier: Apache-2.0
// The logits of a LayerPlan's network, computed by LibTorch's own layers: what
// the kernels (common/kernels/training.h) are compared with. It shares with
// them the tensors' names and nothing of the arithmetic. Thread-safe.
#ifndef ARCHPOOL_COMMON_NN_LOGITS_H_
#define ARCHPOOL_COMMON_NN_LOGITS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "common/data/dataset.h"
#include "common/data/safetensors.h"
#include "common/kernels/trial.h"
#include "common/nas/layer_plan.h"
#include "common/nn/precision.h"

namespace archpool::nn {

// The logits of the first `count` examples of `dataset`, [example][class].
// INVALID_ARGUMENT: WEIGHTS_MISMATCH, WEIGHTS_NOT_FINITE, DATA_MISMATCH, as of
// kernels::ComputeLogits. INTERNAL: TRAINING_FAILED (LibTorch threw).
// RESOURCE_EXHAUSTED: TRAINING_OUT_OF_MEMORY.
// REQUIRES: count in [0, dataset.count()]; ConfigureRuntime was called.
absl::StatusOr<std::vector<double>> ComputeLogits(
    const LayerPlan& plan, const TensorMap& weights,
    const kernels::Normalization& normalization, const Dataset& dataset,
    int64_t count, Precision precision);

}  // namespace archpool::nn

#endif  // ARCHPOOL_COMMON_NN_LOGITS_H_
