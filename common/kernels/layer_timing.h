// SPDX-License-Identifier: Apache-2.0
// Times one layer the way training and evaluation compute it: what the cost
// table (common/nas/cost_table.h) is measured with.
#ifndef ARCHPOOL_COMMON_KERNELS_LAYER_TIMING_H_
#define ARCHPOOL_COMMON_KERNELS_LAYER_TIMING_H_

#include <cstdint>

#include "absl/time/time.h"
#include "common/kernels/simd.h"
#include "common/nas/layer.h"

namespace archpool::kernels {

struct LayerTiming {
  // Per example: forward, backward, and the layer's part of the optimiser's
  // step.
  double train_ns = 0;
  // The same of an activation behind a batch norm that nobody else reads: what
  // the two take together beyond what the batch norm takes alone. Equals
  // train_ns for every other kind.
  double fused_train_ns = 0;
};

struct TimingOptions {
  // The batch of training, as far as TimedBatch goes.
  int64_t batch = 128;
  // Whether the backward pass of a convolution includes the gradient of its
  // input, which layers that read the images do not need.
  bool differentiates_input = true;
  Simd simd = WidestSimd();
  absl::Duration span = absl::Milliseconds(15);
};

// How many examples a step is timed with where it should be `batch`: fewer
// where they are much work, whose rate has long settled.
int64_t TimedBatch(const Layer& layer, int64_t batch);

// Medians of this thread's processor time, over at least `span` each. `layer`
// reads the input, twice for kAdd; its shapes are set.
//
// A network's work goes to its layers so that nothing is left over or counted
// twice:
//   kBatchNorm  without an activation;
//   kAdd        also the sum of two gradients that a layer with two readers
//               needs: a network has as many additions as it has readers
//               beyond the first of each layer;
//   kLinear     also the loss: a network has one linear layer, the last.
// How batches are read and what a step costs whatever the network belong to no
// layer.
LayerTiming TimeTraining(const Layer& layer, const TimingOptions& options);

// Per example, forward, in batches of evaluation. Reads `options.simd` and
// `options.span` alone.
double TimeEvaluationNs(const Layer& layer, const TimingOptions& options);

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_LAYER_TIMING_H_
