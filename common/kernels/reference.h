// SPDX-License-Identifier: Apache-2.0
// Every layer of a plan in the arithmetic of docs/arithmetic.md, as loops that
// say what the page says and nothing more. What faster kernels are compared
// with, bit for bit; far too slow to train by.
//
// Maps are channels last: [example][row][column][channel]. Weights lie as in
// weights' files: [output][input of its group][kernel row][kernel column].
// Pure; thread-safe. REQUIRES everywhere: sizes that fit the layer.
#ifndef ARCHPOOL_COMMON_KERNELS_REFERENCE_H_
#define ARCHPOOL_COMMON_KERNELS_REFERENCE_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "common/nas/layer_plan.h"

namespace archpool::kernels::reference {

using Values = std::vector<float>;
using View = absl::Span<const float>;

Values ConvForward(const Layer& layer, int64_t examples, View input,
                   View weights);
Values ConvInputGradient(const Layer& layer, int64_t examples, View gradient,
                         View weights);
Values ConvWeightGradient(const Layer& layer, int64_t examples, View input,
                          View gradient);

// Weights: [output][input], the inputs in the order (channel, row, column) of
// the file; the chain goes by (row, column, channel).
Values LinearForward(const Layer& layer, int64_t examples, View input,
                     View weights, View bias);
Values LinearInputGradient(const Layer& layer, int64_t examples, View gradient,
                           View weights);
Values LinearWeightGradient(const Layer& layer, int64_t examples, View input,
                            View gradient);
Values LinearBiasGradient(const Layer& layer, int64_t examples, View gradient);

// The statistics of a batch, by channel.
struct BatchStatistics {
  Values mean;
  Values inverse;  // of the standard deviation
};
struct BatchNormParameters {
  View scale;
  View shift;
  absl::Span<float> running_mean;
  absl::Span<float> running_variance;
};
// Moves the running statistics.
Values BatchNormForward(View input, const BatchNormParameters& parameters,
                        BatchStatistics& statistics);
struct BatchNormGradients {
  Values input;
  Values scale;
  Values shift;
};
BatchNormGradients BatchNormBackward(View input, View gradient, View scale,
                                     const BatchStatistics& statistics);

// The value of kRelu, kHardswish or kSilu.
float Activate(LayerKind kind, float value);
float ActivationGradient(LayerKind kind, float value, float gradient);

float Exp(float value);

// The forward pass of kMaxPool, kAvgPool and kGlobalAvgPool.
Values PoolForward(const Layer& layer, int64_t examples, View input);
Values PoolInputGradient(const Layer& layer, int64_t examples, View input,
                         View gradient);

// The gradient of the mean cross-entropy over a batch.
Values LossGradient(int64_t classes, View logits,
                    absl::Span<const uint8_t> labels, double smoothing);

struct OptimizerRates {
  float rate = 0;
  float momentum = 0;
  float decay = 0;  // 0 for parameters of one dimension
};
void OptimizerStep(const OptimizerRates& rates, View gradient,
                   absl::Span<float> velocity, absl::Span<float> weights);

}  // namespace archpool::kernels::reference

#endif  // ARCHPOOL_COMMON_KERNELS_REFERENCE_H_
