// SPDX-License-Identifier: Apache-2.0
#include "common/nn/plain_network.h"

#include <array>

#include "common/base/check.h"
#include "common/kernels/weights.h"

namespace archpool::nn {
namespace {

// Said a second time, and not taken from where the kernels have it: this
// network is there to differ from theirs where theirs is wrong.
constexpr double kPlainEpsilon = 1e-5;

at::Tensor Load(const Tensor& tensor, at::ScalarType type) {
  return at::tensor(tensor.values).reshape(tensor.shape).to(type);
}

}  // namespace

PlainNetwork::PlainNetwork(const LayerPlan& plan, const TensorMap& weights,
                           at::ScalarType type)
    : plan_(plan), last_readers_(plan.layers.size(), -1) {
  for (const auto& [name, tensor] : weights) {
    weights_[name] = Load(tensor, type);
  }
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const Layer& layer = plan.layers[i];
    for (const int source : {layer.input, layer.second_input}) {
      if (source < 0) continue;
      last_readers_[static_cast<size_t>(source)] = static_cast<int>(i);
    }
  }
}

const at::Tensor& PlainNetwork::WeightOf(size_t layer,
                                         const char* tensor) const {
  return weights_.at(kernels::TensorName(static_cast<int64_t>(layer), tensor));
}

at::Tensor PlainNetwork::Compute(size_t index, const at::Tensor& input,
                                 const at::Tensor& second_input) const {
  const Layer& layer = plan_.layers[index];
  const std::array<int64_t, 2> kernel = {layer.kernel, layer.kernel};
  const std::array<int64_t, 2> stride = {layer.stride, layer.stride};
  const int64_t side = (layer.kernel - 1) / 2;
  const std::array<int64_t, 2> padding = {side, side};
  constexpr std::array<int64_t, 2> kNoDilation = {1, 1};
  switch (layer.kind) {
    case LayerKind::kConv:
      return at::conv2d(input, WeightOf(index, "weight"), {}, stride, padding,
                        kNoDilation, layer.groups);
    case LayerKind::kBatchNorm:
      return at::batch_norm(
          input, WeightOf(index, "weight"), WeightOf(index, "bias"),
          WeightOf(index, "running_mean"), WeightOf(index, "running_var"),
          /*training=*/false, /*momentum=*/0, kPlainEpsilon,
          /*cudnn_enabled=*/false);
    case LayerKind::kRelu:
      return at::relu(input);
    case LayerKind::kHardswish:
      return at::hardswish(input);
    case LayerKind::kSilu:
      return at::silu(input);
    case LayerKind::kMaxPool:
      return at::max_pool2d(input, kernel, stride, padding, kNoDilation,
                            /*ceil_mode=*/false);
    case LayerKind::kAvgPool:
      return at::avg_pool2d(input, kernel, stride, padding,
                            /*ceil_mode=*/false, /*count_include_pad=*/false);
    case LayerKind::kAdd:
      return at::add(input, second_input);
    case LayerKind::kGlobalAvgPool:
      return at::mean(input, at::IntArrayRef{2, 3});
    case LayerKind::kLinear:
      return at::linear(input.reshape({input.size(0), -1}),
                        WeightOf(index, "weight"), WeightOf(index, "bias"));
  }
  ARCHPOOL_CHECK(false);
}

at::Tensor PlainNetwork::Logits(const at::Tensor& given) const {
  // LibTorch's operators of single precision, pooling above all, are several
  // times as fast where channels lie innermost. Those of double precision are
  // not, and its grouped convolutions ten times slower.
  const at::Tensor images =
      given.scalar_type() == at::kFloat
          ? given.contiguous(at::MemoryFormat::ChannelsLast)
          : given;
  std::vector<at::Tensor> outputs(plan_.layers.size());
  const auto output_of = [&](int layer) -> const at::Tensor& {
    return layer < 0 ? images : outputs[static_cast<size_t>(layer)];
  };
  for (size_t i = 0; i < plan_.layers.size(); ++i) {
    const Layer& layer = plan_.layers[i];
    outputs[i] =
        Compute(i, output_of(layer.input), output_of(layer.second_input));
    for (const int source : {layer.input, layer.second_input}) {
      if (source < 0) continue;
      const auto read = static_cast<size_t>(source);
      if (last_readers_[read] == static_cast<int>(i)) outputs[read].reset();
    }
  }
  return outputs.back();
}

}  // namespace archpool::nn
