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
#include "common/kernels/inner/passes.h"
#include "common/nas/layer.h"

namespace archpool::kernels {

class Product {
 public:
  // `in` and `gradient` say how the maps lie that it reads; `gradient` where it
  // is to be differentiated.
  Product(const Layer& layer, const Strides& in, const Strides* gradient);

  // weights: as TensorLayout has them. last: by output, or null.
  void Forward(const Context& context, const MapView& in, const float* weights,
               const float* last, const MapView& out) const;
  // Writes every pixel of `out`.
  void InputGradient(const Context& context, const MapView& gradient,
                     const float* weights, const MapView& out);
  // Writes all of `sums`, which lies as the weights.
  void WeightGradient(const Context& context, const MapView& in,
                      const MapView& gradient, std::vector<float>& scratch,
                      float* sums) const;
  // Floats of `scratch`.
  int64_t ScratchFloats(int64_t batch) const;
  // Floats that the layer itself keeps.
  int64_t OwnFloats() const;

 private:
  bool is_depthwise() const { return layer_.groups > 1; }
  int64_t weight_floats() const;
  // Of the sums over a batch.
  Blocking BlockingOf(int64_t batch) const;
  void Turn(const Context& context, const float* weights);

  const Layer layer_;
  std::vector<int64_t> taps_;
  int64_t depth_ = 0;  // of a tap
  int64_t weights_stride_ = 0;
  std::vector<GradientPhase> phases_;
  // The weights for the phases in turn: [tap][output][input].
  std::vector<float> turned_;
  int64_t turned_stride_ = 0;
};

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_PRODUCT_H_
