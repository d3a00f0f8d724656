// SPDX-License-Identifier: Apache-2.0
// A LayerPlan in training as plainly as LibTorch can say it, differentiated by
// LibTorch: what hand-written gradients are compared with, in the type of the
// leaves. Header-only, for tests; thread-compatible. Throws c10::Error.
#ifndef ARCHPOOL_COMMON_NN_TEST_AUTOGRAD_H_
#define ARCHPOOL_COMMON_NN_TEST_AUTOGRAD_H_

#include <ATen/ATen.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/kernels/weights.h"
#include "common/nas/layer_plan.h"

namespace archpool::nn {

// By the names of the weights.
using Leaves = std::map<std::string, at::Tensor>;

// Batch norms by the batch's statistics; running ones are left alone.
inline at::Tensor TrainedLayer(const Layer& layer, int64_t index,
                               const at::Tensor& input,
                               const at::Tensor& second, const Leaves& leaves) {
  const int64_t padding = (layer.kernel - 1) / 2;
  const auto leaf = [&](const char* tensor) {
    return leaves.at(kernels::TensorName(index, tensor));
  };
  switch (layer.kind) {
    case LayerKind::kConv:
      return at::conv2d(input, leaf("weight"), {}, layer.stride, padding, 1,
                        layer.groups);
    case LayerKind::kBatchNorm:
      return at::batch_norm(
          input, leaf("weight"), leaf("bias"), at::zeros_like(leaf("bias")),
          at::ones_like(leaf("bias")), true, 0.1, 1e-5, false);
    case LayerKind::kRelu:
      return at::relu(input);
    case LayerKind::kHardswish:
      return at::hardswish(input);
    case LayerKind::kSilu:
      return at::silu(input);
    case LayerKind::kMaxPool:
      return at::max_pool2d(input, layer.kernel, layer.stride, padding);
    case LayerKind::kAvgPool:
      return at::avg_pool2d(input, layer.kernel, layer.stride, padding, false,
                            false);
    case LayerKind::kAdd:
      return input + second;
    case LayerKind::kGlobalAvgPool:
      return at::adaptive_avg_pool2d(input, {1, 1});
    case LayerKind::kLinear:
      return at::linear(input.flatten(1), leaf("weight"), leaf("bias"));
  }
  return {};
}

// The outputs of every layer; the last ones are the logits.
inline std::vector<at::Tensor> TrainedOutputs(const LayerPlan& plan,
                                              const Leaves& leaves,
                                              const at::Tensor& images) {
  std::vector<at::Tensor> outputs;
  const auto at = [&](int layer) {
    return layer < 0 ? images : outputs[static_cast<size_t>(layer)];
  };
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const Layer& layer = plan.layers[i];
    outputs.push_back(TrainedLayer(layer, static_cast<int64_t>(i),
                                   at(layer.input), at(layer.second_input),
                                   leaves));
  }
  return outputs;
}

}  // namespace archpool::nn

#endif  // ARCHPOOL_COMMON_NN_TEST_AUTOGRAD_H_
