// SPDX-License-Identifier: Apache-2.0
// Which pixels a convolution's chains go over, as kernels want it: offsets from
// the pixel that belongs to an output. Value types; thread-compatible.
#ifndef ARCHPOOL_COMMON_KERNELS_INNER_CONV_TAPS_H_
#define ARCHPOOL_COMMON_KERNELS_INNER_CONV_TAPS_H_

#include <cstdint>
#include <vector>

#include "common/kernels/inner/passes.h"
#include "common/nas/layer.h"

namespace archpool::kernels {

inline int64_t PaddingOf(const Layer& layer) { return (layer.kernel - 1) / 2; }

// Taps (u, v) in order, of an output's pixel (y · stride, x · stride). The map
// that is read has a border of PaddingOf(layer).
std::vector<int64_t> ForwardTaps(const Layer& layer, const Strides& in);

// The pixels of the input whose gradients go over the same taps: of a stride s,
// those with equal row and column modulo s.
struct GradientPhase {
  int64_t row = 0;  // the first pixel
  int64_t column = 0;
  Grid grid;  // rows and columns of such pixels, examples left at 1
  std::vector<int64_t> kernel_taps;  // u · kernel + v, rising
  std::vector<int64_t> offsets;  // from the gradient's pixel (row, column)/s
};
std::vector<GradientPhase> GradientPhases(const Layer& layer,
                                          const Strides& gradient);

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_CONV_TAPS_H_
