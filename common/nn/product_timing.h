// SPDX-License-Identifier: Apache-2.0
// Times convolutions and linear layers in oneDNN and BLAS through ATen: what
// the kernels are compared with (tests/bench/kernel_bench). No LibTorch type
// appears here.
#ifndef ARCHPOOL_COMMON_NN_PRODUCT_TIMING_H_
#define ARCHPOOL_COMMON_NN_PRODUCT_TIMING_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "common/nas/layer_plan.h"

namespace archpool::nn {

// One call each, on this thread, over memory of its own, channels last.
struct ProductCalls {
  std::function<void()> forward;
  std::function<void()> input_gradient;
  std::function<void()> weight_gradient;
};

// REQUIRES: layer is kConv or kLinear; ConfigureRuntime(1) was called.
// INTERNAL (TRAINING_FAILED), RESOURCE_EXHAUSTED (TRAINING_OUT_OF_MEMORY).
absl::StatusOr<ProductCalls> MakeProductCalls(const Layer& layer,
                                              int64_t batch);

}  // namespace archpool::nn

#endif  // ARCHPOOL_COMMON_NN_PRODUCT_TIMING_H_
