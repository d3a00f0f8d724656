// SPDX-License-Identifier: Apache-2.0
// What a kernel does in one call, and the table of kernels of each set of
// instructions. A kernel is one loop over memory: it allocates nothing, starts
// no thread and checks nothing. The caller divides outputs among threads.
//
// Maps are [example][row][column][channel] with any distance ("stride", in
// floats) between examples, rows and columns. A column's channels are followed
// by zeros up to a multiple of kChannelStep, images excepted, whose columns
// follow each other. Every buffer that a kernel reads has kSlack floats behind
// it. Arrays by channel hold zeros up to a multiple of kWeightStep.
#ifndef ARCHPOOL_COMMON_KERNELS_INNER_PASSES_H_
#define ARCHPOOL_COMMON_KERNELS_INNER_PASSES_H_

#include <cstdint>

#include "common/nas/layer.h"

namespace archpool::kernels {

inline constexpr int64_t kChannelStep = 8;
inline constexpr int64_t kWeightStep = 16;
inline constexpr int64_t kSlack = 16;
constexpr int64_t RoundUp(int64_t value, int64_t step) {
  return (value + step - 1) / step * step;
}

// Floats from one column, row and example to the next.
struct Strides {
  int64_t column = 0;
  int64_t row = 0;
  int64_t example = 0;
};

// The pixels of a map that a pass writes, or sums over.
struct Grid {
  int64_t columns = 1;
  int64_t rows = 1;
  int64_t examples = 1;
};

// Offsets from the input's pixel that belongs to an output pixel, in the order
// of the chain.
struct Taps {
  const int64_t* offsets = nullptr;
  int64_t count = 0;
};

// Chains over (tap, channel of the input) for every output channel: dense
// convolutions, their gradients of the input, and linear layers.
struct DensePass {
  Grid grid;
  const float* in = nullptr;
  Strides in_strides;
  float* out = nullptr;
  Strides out_strides;
  Taps taps;
  int64_t depth = 0;               // channels of the input
  const float* weights = nullptr;  // [tap][depth][weights_stride]
  int64_t weights_stride = 0;      // a multiple of kWeightStep
  int64_t outputs = 0;             // written up to a multiple of kChannelStep
  const float* last = nullptr;     // [weights_stride], ends chains; null: +0
  bool rectifies = false;          // ReLU of what ends so
};

// The sum over the pixels of one block (docs/arithmetic.md, "Blocked sums") of
// input times gradient, for every (tap, input channel, output channel). Passes
// may share a block: each continues from `sums` and `scratch` of the previous.
struct DenseSumsPass {
  int64_t columns = 0;
  int64_t rows_per_example = 0;
  // Pixel rows r = example · rows_per_example + row.
  int64_t block_first_row = 0;
  int64_t block_end_row = 0;
  int64_t first_row = 0;  // of this pass, within the block
  int64_t end_row = 0;    // REQUIRES: first_row < end_row
  int64_t rows_per_run = 0;
  const float* in = nullptr;
  Strides in_strides;  // by the output's columns and rows
  const float* gradient = nullptr;
  Strides gradient_strides;
  Taps taps;
  int64_t depth = 0;
  int64_t outputs = 0;
  float* sums = nullptr;     // [tap][depth][sums_stride], all overwritten
  int64_t sums_stride = 0;   // a multiple of kWeightStep
  float* scratch = nullptr;  // as large as sums: chains that continue
  bool fetches = false;      // as DepthwisePass, where that is depthwise
};

// Chains over taps of each channel by itself.
struct DepthwisePass {
  Grid grid;
  const float* in = nullptr;
  Strides in_strides;
  float* out = nullptr;
  Strides out_strides;
  Taps taps;
  const float* weights = nullptr;  // [tap][weights_stride]
  int64_t weights_stride = 0;
  int64_t channels = 0;
  const float* last = nullptr;  // [weights_stride], ends chains; null: +0
  bool fetches = false;         // asks early for maps that fit no cache
};

using DepthwiseSumsPass = DenseSumsPass;  // depth is 1, outputs the channels

// One block of rows of a batch norm (docs/arithmetic.md, "Batch norm"): rows
// follow each other at the map's column stride, with no border.
struct NormSumsPass {
  int64_t rows = 0;
  const float* in = nullptr;
  int64_t stride = 0;
  int64_t channels = 0;
  const float* origin = nullptr;  // z: the channels' first values
  float* sums = nullptr;          // S, by channel
  float* squares = nullptr;       // T
};

// The output of a batch norm and of the activation behind it: kRelu,
// kHardswish, kSilu, or kBatchNorm for none.
struct NormPass {
  Grid grid;
  const float* in = nullptr;  // no border
  Strides in_strides;
  float* out = nullptr;
  Strides out_strides;
  int64_t channels = 0;
  const float* mean = nullptr;
  const float* factor = nullptr;  // a
  const float* shift = nullptr;
  LayerKind activation = LayerKind::kBatchNorm;
};

// Backward, one block of rows. `gradient` is of the activation's output; what
// the activation makes of it is written back where `activation` is not kRelu or
// kBatchNorm (which the second pass computes again).
struct NormGradientSumsPass {
  int64_t rows = 0;
  const float* in = nullptr;
  float* gradient = nullptr;
  int64_t stride = 0;  // of both
  int64_t channels = 0;
  const float* mean = nullptr;
  const float* factor = nullptr;
  const float* shift = nullptr;
  LayerKind activation = LayerKind::kBatchNorm;
  float* sums = nullptr;      // G
  float* products = nullptr;  // H
};

struct NormGradientPass {
  Grid grid;
  const float* in = nullptr;
  Strides in_strides;  // of `gradient` too; no border
  const float* gradient = nullptr;
  float* out = nullptr;  // the gradient of the input
  Strides out_strides;
  int64_t channels = 0;
  const float* mean = nullptr;
  const float* factor = nullptr;
  const float* shift = nullptr;
  LayerKind activation = LayerKind::kBatchNorm;  // as NormGradientSumsPass
  const float* of_gradient = nullptr;            // b
  const float* of_value = nullptr;               // c
  const float* constant = nullptr;               // e
};

// Value by value over a grid, all channels up to the next kChannelStep: an
// activation, the sum of two maps (`second`), or a copy (kAdd with no second).
struct PointwisePass {
  Grid grid;
  LayerKind kind = LayerKind::kRelu;
  const float* in = nullptr;
  Strides in_strides;
  const float* second = nullptr;
  Strides second_strides;
  float* out = nullptr;  // may be `in`
  Strides out_strides;
  int64_t channels = 0;
};

// The gradient of an activation's input: `in` as forward, `second` the gradient
// of the output.
using ActivationGradientPass = PointwisePass;

// Pooling of one example each; the map that is read has no need of a border.
struct PoolPass {
  Layer layer;
  int64_t examples = 0;
  const float* in = nullptr;  // forward's input
  Strides in_strides;
  float* out = nullptr;  // forward: written
  Strides out_strides;
  const float* gradient = nullptr;  // backward: of the output
  Strides gradient_strides;
  float* in_gradient = nullptr;  // backward: written
  Strides in_gradient_strides;
};

// The gradient of the mean cross-entropy by the logits.
struct LossPass {
  int64_t examples = 0;
  int64_t classes = 0;
  const float* logits = nullptr;
  float* gradient = nullptr;
  int64_t stride = 0;  // of both: floats from one example to the next
  const uint8_t* labels = nullptr;
  float on = 0;     // 1 - smoothing
  float off = 0;    // smoothing / classes
  float share = 0;  // 1 / examples of the batch
};

// A step of the optimiser, into a state of its own: a step that diverges is
// not taken.
struct OptimizerPass {
  int64_t count = 0;  // floats, any number
  const float* gradient = nullptr;
  const float* velocity = nullptr;
  const float* weights = nullptr;
  float* next_velocity = nullptr;
  float* next_weights = nullptr;
  float rate = 0;
  float momentum = 0;
  float decay = 0;
};

struct KernelTable {
  int lanes = 1;
  void (*dense)(const DensePass&) = nullptr;
  void (*dense_sums)(const DenseSumsPass&) = nullptr;
  void (*depthwise)(const DepthwisePass&) = nullptr;
  void (*depthwise_sums)(const DepthwiseSumsPass&) = nullptr;
  void (*norm_sums)(const NormSumsPass&) = nullptr;
  void (*norm)(const NormPass&) = nullptr;
  void (*norm_gradient_sums)(const NormGradientSumsPass&) = nullptr;
  void (*norm_gradient)(const NormGradientPass&) = nullptr;
  void (*pointwise)(const PointwisePass&) = nullptr;
  void (*activation_gradient)(const ActivationGradientPass&) = nullptr;
  void (*pool)(const PoolPass&) = nullptr;
  void (*pool_gradient)(const PoolPass&) = nullptr;
  void (*loss)(const LossPass&) = nullptr;
  // Whether every weight and velocity is finite afterwards.
  bool (*optimizer)(const OptimizerPass&) = nullptr;
  // Fused multiply-adds alone, to measure a peak; answers their operations.
  double (*peak)(int64_t rounds) = nullptr;
};

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_PASSES_H_
