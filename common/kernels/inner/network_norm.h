// SPDX-License-Identifier: Apache-2.0
// A batch norm of a network, with what it keeps from forward to backward.
#ifndef ARCHPOOL_COMMON_KERNELS_INNER_NETWORK_NORM_H_
#define ARCHPOOL_COMMON_KERNELS_INNER_NETWORK_NORM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/kernels/inner/memory.h"
#include "common/kernels/inner/network.h"
#include "common/kernels/inner/norm_statistics.h"

namespace archpool::kernels {

struct Network::Norm {
  Norm(const Layer& layer, int64_t batch)
      : rows(batch * layer.output_shape.height * layer.output_shape.width),
        block_rows(NormBlockRows(rows)),
        blocks(NormBlocks(rows)),
        stride(RoundUp(layer.output_shape.channels, kWeightStep)),
        sums(static_cast<size_t>(blocks * stride)),
        products(sums.size()),
        by_channel(static_cast<size_t>(kArrays * stride)) {}

  static int64_t Floats(const Layer& layer, int64_t batch) {
    const int64_t rows =
        batch * layer.output_shape.height * layer.output_shape.width;
    return (2 * NormBlocks(rows) + kArrays) *
           RoundUp(layer.output_shape.channels, kWeightStep);
  }

  NormBlockSums Sums() const {
    return {.rows = rows,
            .first = sums.data(),
            .second = products.data(),
            .stride = stride};
  }
  float* mean() { return by_channel.data(); }
  float* inverse() { return by_channel.data() + stride; }
  float* factor() { return by_channel.data() + 2 * stride; }
  // The sums of the backward pass.
  float* of_gradient() { return by_channel.data() + 3 * stride; }
  float* of_value() { return by_channel.data() + 4 * stride; }
  float* constant() { return by_channel.data() + 5 * stride; }

  static constexpr int64_t kArrays = 6;
  int64_t rows;
  int64_t block_rows;
  int64_t blocks;
  int64_t stride;
  int64_t next_block = 0;  // that a pass by examples comes to
  // By block and channel: S and T forward, G and H backward.
  AlignedFloats sums;
  AlignedFloats products;
  AlignedFloats by_channel;
};

}  // namespace archpool::kernels

#endif  // ARCHPOOL_COMMON_KERNELS_INNER_NETWORK_NORM_H_
