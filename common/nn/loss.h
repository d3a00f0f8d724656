// SPDX-License-Identifier: Apache-2.0
// What training minimises. Needs LibTorch: for common/nn alone.
#ifndef ARCHPOOL_COMMON_NN_LOSS_H_
#define ARCHPOOL_COMMON_NN_LOSS_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace archpool::nn {

struct Loss {
  double mean = 0;
  at::Tensor logits_gradient;
};

// Cross entropy of float32 [batch, classes] against labels smoothed by
// `smoothing`. REQUIRES: a label per row, each in [0, classes).
Loss CrossEntropy(const at::Tensor& logits, const std::vector<uint8_t>& labels,
                  double smoothing);

}  // namespace archpool::nn

#endif  // ARCHPOOL_COMMON_NN_LOSS_H_
