// SPDX-License-Identifier: Apache-2.0
// One layer of a network, in plain C++ of the standard library alone: kernels
// that are built for machines without our other libraries read it. Value types;
// thread-compatible.
#ifndef ARCHPOOL_COMMON_NAS_LAYER_H_
#define ARCHPOOL_COMMON_NAS_LAYER_H_

#include <cstdint>

#include "common/base/word_table.h"

namespace archpool {

// Channels × height × width of one example.
struct TensorShape {
  int64_t channels = 0;
  int64_t height = 0;
  int64_t width = 0;
  int64_t elements() const { return channels * height * width; }
  friend bool operator==(const TensorShape&, const TensorShape&) = default;
};

enum class LayerKind {
  kConv,       // no bias: a batch norm follows. groups = 1 or = input channels
  kBatchNorm,  // scale, shift (trained); running mean and variance (buffers)
  kRelu,
  kHardswish,
  kSilu,
  kMaxPool,  // padding = (kernel - 1) / 2
  kAvgPool,  // same; padding is not counted in the mean
  kAdd,      // input + second_input
  kGlobalAvgPool,
  kLinear,  // with bias
};

// Used in JSON, in the cost table and in the ids of architectures.
template <>
inline constexpr const char* kWordsOf<LayerKind>[] = {
    "conv",     "batch_norm", "relu", "hardswish",       "silu",
    "max_pool", "avg_pool",   "add",  "global_avg_pool", "linear"};

struct Layer {
  LayerKind kind = LayerKind::kConv;
  // Index of the layer whose output is read; -1 is the network's input. Always
  // less than this layer's own index.
  int input = -1;
  int second_input = -1;  // kAdd alone
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t groups = 1;
  TensorShape input_shape;
  TensorShape output_shape;
  // Trained scalars, and multiply-accumulates for one example (convolution and
  // linear layers alone; the usual convention).
  int64_t parameters = 0;
  int64_t macs = 0;

  friend bool operator==(const Layer&, const Layer&) = default;
};

}  // namespace archpool

#endif  // ARCHPOOL_COMMON_NAS_LAYER_H_
