// SPDX-License-Identifier: Apache-2.0
// A convolution or a linear layer of a whole batch, divided among the threads
// of a team by examples, blocks or taps. Used by networks. Not thread-safe.
#ifndef ARCHPOOL_COMMON_KERNELS_INNER_PRODUCT_H_
#define ARCHPOOL_COMMON_KERNELS_INNER_PRODUCT_H_

#include <cstdint>
#include <vector>

#include "common/kernels/arithmetic.h"
#include "common/kernels/inner/conv_taps.h"
#include "common/kernels/inner/layer_passes.h"
#include "common/kernels/inner/memory.h"
#include "common/kernels/inner/passes.h"
#include "common/nas/layer.h"

namespace archpool::kernels {

class Product {
 public:
  // `in` and `gradient` say how the maps lie that it reads; `gradient` where it
  // is to be differentiated.
  Product(const Layer& layer, const Strides& in, const Strides* gradient);

  // weights: as TensorLayout has them. last: by output, or null. rectifies:
  // writes the ReLU of the outputs. REQUIRES: rectifies only where
  // CanRectify().
  void Forward(const Context& context, const MapView& in, const float* weights,
               const float* last, const MapView& out,
               bool rectifies = false) const;
  bool CanRectify() const { return !is_depthwise(); }
  // Turns the weights for gradients of the input: before the first of them, and
  // again where the weights have changed.
  void Turn(const Context& context, const float* weights);
  // Writes every pixel of `out`.
  void InputGradient(const Context& context, const MapView& gradient,
                     const MapView& out) const;

  // Writes all of `sums`, which lies as the weights.
  void WeightGradient(const Context& context, const MapView& in,
                      const MapView& gradient, float* scratch,
                      float* sums) const;
  // The same by parts of a batch: SumExamples over all examples of each block,
  // in their order, by one thread at a time; then AddBlocks. `scratch` and
  // `sums` are the same each time.
  void SumExamples(const KernelTable& kernels, int64_t batch, int64_t first,
                   int64_t end, const MapView& in, const MapView& gradient,
                   float* scratch, float* sums) const;
  void AddBlocks(const Context& context, float* scratch, float* sums) const;
  int64_t ExamplesPerBlock(int64_t batch) const {
    return BlockingOf(batch).examples_per_block;
  }
  // Floats of `scratch`.
  int64_t ScratchFloats(int64_t batch) const;
  // Floats that the layer itself keeps.
  int64_t OwnFloats() const;

 private:
  // What one call sums: examples of a block, and a share of its taps, or of its
  // channels where there is one tap.
  struct BlockPart {
    int64_t first = 0;
    int64_t end = 0;
    int64_t share = 0;
    int64_t shares = 1;
  };

  void InputGradientOf(const KernelTable& kernels, int64_t first, int64_t end,
                       const MapView& gradient, const MapView& out) const;
  bool is_depthwise() const { return layer_.groups > 1; }
  int64_t weight_floats() const;
  // The blocking of the sums over a batch.
  Blocking BlockingOf(int64_t batch) const;
  int64_t BlocksOf(int64_t batch) const;
  int64_t divisible() const;
  void SumPart(const KernelTable& kernels, int64_t batch, const BlockPart& part,
               const MapView& in, const MapView& gradient, float* scratch,
               float* sums, bool fetches) const;

  const Layer layer_;
  std::vector<int64_t> taps_;
  int64_t depth_ = 0;  // of a tap
  int64_t weights_stride_ = 0;
  std::vector<GradientPhase> phases_;
  // The weights for the phases in turn: [tap][output][input].
  AlignedFloats turned_;
  int64_t turned_stride_ = 0;
};

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_PRODUCT_H_
