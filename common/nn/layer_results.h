// SPDX-License-Identifier: Apache-2.0
// What one layer comes to in LibTorch, forward and backward, in float32 (where
// oneDNN does the work) or in double: what the kernels' errors are measured
// with (tests/bench/kernel_precision). No LibTorch type appears here.
#ifndef ARCHPOOL_COMMON_NN_LAYER_RESULTS_H_
#define ARCHPOOL_COMMON_NN_LAYER_RESULTS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "common/nas/layer.h"
#include "common/nn/precision.h"

namespace archpool::nn {

// Maps are [example][row][column][channel], weights as in weights' files: what
// the loops of common/kernels/reference.h take.
struct LayerOperands {
  std::vector<float> input;
  std::vector<float> gradient;  // of the output
  std::vector<float> weights;   // of a batch norm: the scale; may be empty
  std::vector<float> bias;      // linear layers and batch norms
};

// Empty where the layer has none.
struct LayerResults {
  std::vector<double> output;
  std::vector<double> input_gradient;
  std::vector<double> weight_gradient;
  std::vector<double> bias_gradient;
};

// The layer in training: a batch norm by the batch's statistics.
// REQUIRES: sizes that fit the layer, which is no kAdd; ConfigureRuntime(1) was
// called. INTERNAL (TRAINING_FAILED), RESOURCE_EXHAUSTED
// (TRAINING_OUT_OF_MEMORY).
absl::StatusOr<LayerResults> ComputeLayer(const Layer& layer, int64_t batch,
                                          const LayerOperands& operands,
                                          Precision precision);

}  // namespace archpool::nn

#endif  // ARCHPOOL_COMMON_NN_LAYER_RESULTS_H_
