// SPDX-License-Identifier: Apache-2.0
#include "common/nn/loss.h"

#include <cmath>

namespace archpool::nn {

Loss CrossEntropy(const at::Tensor& logits, const std::vector<uint8_t>& labels,
                  double smoothing) {
  const int64_t classes = logits.size(1);
  const auto count = static_cast<int64_t>(labels.size());
  Loss loss;
  loss.logits_gradient = at::_softmax(logits, 1, false).contiguous();
  float* row = loss.logits_gradient.data_ptr<float>();
  const auto off = static_cast<float>(smoothing / static_cast<double>(classes));
  const auto on = static_cast<float>(1.0 - smoothing);
  const float scale = 1.0f / static_cast<float>(count);
  for (const uint8_t label : labels) {
    loss.mean -= std::log(static_cast<double>(row[label]) + 1e-30);
    row[label] -= on;
    for (int64_t c = 0; c < classes; ++c) row[c] = (row[c] - off) * scale;
    row += classes;
  }
  loss.mean /= static_cast<double>(count);
  return loss;
}

}  // namespace archpool::nn
