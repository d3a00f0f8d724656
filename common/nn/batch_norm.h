// SPDX-License-Identifier: Apache-2.0
// Batch normalisation over channels-last activations, forward and backward, in
// plain C++. ATen's takes a third of a training step of a small network, and
// seven times longer where the channels are no multiple of the vector's width;
// this one reads its input twice and does not care. Sums run over the rows in
// an order that depends on the number of channels alone, so bits do not depend
// on the instruction set. Thread-compatible.
//
// All activations: float32 [rows, channels]; all others: float32 [channels].
#ifndef ARCHPOOL_COMMON_NN_BATCH_NORM_H_
#define ARCHPOOL_COMMON_NN_BATCH_NORM_H_

#include <vector>

#include "absl/types/span.h"
#include "common/nas/network_constants.h"

namespace archpool::nn {

inline constexpr double kBatchNormMomentum = 0.1;

// The statistics of one batch, per channel.
struct BatchStatistics {
  std::vector<float> mean;
  std::vector<float> inverse_deviation;  // 1 / sqrt(variance + epsilon)
};

// output = (input - mean) * inverse_deviation * scale + shift. Moves the
// running mean and (unbiased) variance towards the batch's by
// kBatchNormMomentum. REQUIRES: at least one row; output does not overlap
// input.
BatchStatistics BatchNormForward(absl::Span<const float> input,
                                 absl::Span<const float> scale,
                                 absl::Span<const float> shift,
                                 absl::Span<float> running_mean,
                                 absl::Span<float> running_variance,
                                 absl::Span<float> output);

struct BatchNormGradients {
  std::vector<float> scale;
  std::vector<float> shift;
};

// From the gradient of the loss with respect to the output to that of the
// input. REQUIRES: input_gradient does not overlap the others.
BatchNormGradients BatchNormBackward(absl::Span<const float> input,
                                     absl::Span<const float> output_gradient,
                                     absl::Span<const float> scale,
                                     const BatchStatistics& statistics,
                                     absl::Span<float> input_gradient);

}  // namespace archpool::nn

#endif  // ARCHPOOL_COMMON_NN_BATCH_NORM_H_
