// SPDX-License-Identifier: Apache-2.0
#include "common/nn/evaluation_network.h"

#include <array>
#include <cmath>
#include <utility>

#include "common/base/check.h"
#include "common/kernels/weights.h"
#include "common/nn/batch_norm.h"
#include "common/nn/network.h"

namespace archpool::nn {
namespace {

using kernels::TensorName;

// A batch norm that does not learn is a scale and a shift per channel.
struct ScaleAndShift {
  std::vector<float> scale;
  std::vector<float> shift;
};

ScaleAndShift Fold(int64_t layer, const TensorMap& weights) {
  const auto values = [&](const char* tensor) -> const std::vector<float>& {
    return weights.at(TensorName(layer, tensor)).values;
  };
  ScaleAndShift folded;
  for (size_t c = 0; c < values("weight").size(); ++c) {
    const double scale =
        double{values("weight")[c]} /
        std::sqrt(double{values("running_var")[c]} + kBatchNormEpsilon);
    folded.scale.push_back(static_cast<float>(scale));
    folded.shift.push_back(static_cast<float>(
        double{values("bias")[c]} - double{values("running_mean")[c]} * scale));
  }
  return folded;
}

at::Tensor PerChannel(const std::vector<float>& values) {
  return at::tensor(values).reshape({1, -1, 1, 1});
}

}  // namespace

EvaluationNetwork::EvaluationNetwork(const LayerPlan& plan,
                                     const TensorMap& weights)
    : plan_(plan), states_(plan.layers.size()) {
  const std::vector<int> readers = CountReaders(plan);
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const Layer& layer = plan.layers[i];
    LayerState& state = states_[i];
    const auto index = static_cast<int64_t>(i);
    for (const int source : {layer.input, layer.second_input}) {
      if (source >= 0) {
        states_[static_cast<size_t>(source)].last_reader = static_cast<int>(i);
      }
    }
    state.owns_input =
        layer.input >= 0 && readers[static_cast<size_t>(layer.input)] == 1;
    if (layer.kind == LayerKind::kConv || layer.kind == LayerKind::kLinear) {
      state.weight = ToTorch(weights.at(TensorName(index, "weight")));
    }
    if (layer.kind == LayerKind::kLinear) {
      state.bias = ToTorch(weights.at(TensorName(index, "bias")));
    }
    if (layer.kind != LayerKind::kBatchNorm) continue;
    const ScaleAndShift fold = Fold(index, weights);
    state.folded =
        state.owns_input &&
        plan.layers[static_cast<size_t>(layer.input)].kind == LayerKind::kConv;
    if (state.folded) {
      LayerState& conv = states_[static_cast<size_t>(layer.input)];
      conv.weight.mul_(at::tensor(fold.scale).reshape({-1, 1, 1, 1}));
      conv.bias = at::tensor(fold.shift);
    } else {
      state.weight = PerChannel(fold.scale);
      state.bias = PerChannel(fold.shift);
    }
  }
}

at::Tensor EvaluationNetwork::Activate(LayerKind kind, at::Tensor input,
                                       bool in_place) const {
  if (kind == LayerKind::kRelu) {
    return in_place ? at::relu_(input) : at::relu(input);
  }
  if (kind == LayerKind::kHardswish) {
    return in_place ? at::hardswish_(input) : at::hardswish(input);
  }
  return in_place ? at::silu_(input) : at::silu(input);
}

at::Tensor EvaluationNetwork::Compute(size_t index, at::Tensor input) const {
  const Layer& layer = plan_.layers[index];
  const LayerState& state = states_[index];
  const std::array<int64_t, 2> kernel = {layer.kernel, layer.kernel};
  const std::array<int64_t, 2> stride = {layer.stride, layer.stride};
  const int64_t side = (layer.kernel - 1) / 2;
  const std::array<int64_t, 2> padding = {side, side};
  constexpr std::array<int64_t, 2> kNoDilation = {1, 1};
  switch (layer.kind) {
    case LayerKind::kConv:
      return at::convolution(input, state.weight, state.bias, stride, padding,
                             kNoDilation, false, {0, 0}, layer.groups);
    case LayerKind::kBatchNorm:
      if (state.folded) return input;
      return at::add(at::mul(input, state.weight), state.bias);
    case LayerKind::kRelu:
    case LayerKind::kHardswish:
    case LayerKind::kSilu:
      return Activate(layer.kind, std::move(input), state.owns_input);
    case LayerKind::kMaxPool:
      return at::max_pool2d(input, kernel, stride, padding, kNoDilation,
                            /*ceil_mode=*/false);
    case LayerKind::kAvgPool:
      return at::avg_pool2d(input, kernel, stride, padding,
                            /*ceil_mode=*/false, /*count_include_pad=*/false);
    case LayerKind::kAdd:
      return at::add(input, OutputOf(layer.second_input));
    case LayerKind::kGlobalAvgPool:
      return at::mean(input, at::IntArrayRef{2, 3});
    case LayerKind::kLinear:
      return at::addmm(state.bias, input.reshape({input.size(0), -1}),
                       state.weight.t());
  }
  ARCHPOOL_CHECK(false);
}

at::Tensor EvaluationNetwork::Logits(const at::Tensor& images) {
  images_ = images;
  for (size_t i = 0; i < plan_.layers.size(); ++i) {
    const Layer& layer = plan_.layers[i];
    states_[i].output = Compute(i, OutputOf(layer.input));
    for (const int source : {layer.input, layer.second_input}) {
      if (source < 0) continue;
      LayerState& read = states_[static_cast<size_t>(source)];
      if (read.last_reader == static_cast<int>(i)) read.output.reset();
    }
  }
  images_.reset();
  return std::exchange(states_.back().output, at::Tensor());
}

}  // namespace archpool::nn
