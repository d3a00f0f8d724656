// SPDX-License-Identifier: Apache-2.0
#include "common/nn/network.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "common/base/check.h"
#include "common/kernels/weights.h"

namespace archpool::nn {
namespace {

using kernels::TensorName;

using Pair = std::array<int64_t, 2>;

Pair Both(int64_t value) { return {value, value}; }
int64_t PaddingOf(const Layer& layer) { return (layer.kernel - 1) / 2; }
constexpr Pair kUndilated = {1, 1};
constexpr Pair kNoOutputPadding = {0, 0};

at::Tensor ChannelsLast(const at::Tensor& tensor) {
  return tensor.contiguous(at::MemoryFormat::ChannelsLast);
}

// The numbers as they lie in memory. REQUIRES: no gaps between them.
absl::Span<const float> Values(const at::Tensor& tensor) {
  return absl::MakeConstSpan(tensor.data_ptr<float>(),
                             static_cast<size_t>(tensor.numel()));
}
absl::Span<float> MutableValues(const at::Tensor& tensor) {
  return absl::MakeSpan(tensor.data_ptr<float>(),
                        static_cast<size_t>(tensor.numel()));
}

// Overwriting its input is safe for an activation whose gradient is computed
// from its output, where the layer before needs no output of its own.
bool MayOverwriteInput(const LayerPlan& plan, const std::vector<int>& readers,
                       const Layer& layer) {
  if (layer.kind != LayerKind::kRelu || layer.input < 0) return false;
  if (readers[static_cast<size_t>(layer.input)] != 1) return false;
  const LayerKind before = plan.layers[static_cast<size_t>(layer.input)].kind;
  return before == LayerKind::kBatchNorm || before == LayerKind::kAdd;
}

void CheckShape(const Layer& layer, const at::Tensor& output) {
  const TensorShape& shape = layer.output_shape;
  if (output.dim() == 4) {
    ARCHPOOL_CHECK(output.size(1) == shape.channels &&
                   output.size(2) == shape.height &&
                   output.size(3) == shape.width);
  } else {
    ARCHPOOL_CHECK(output.dim() == 2 && output.size(1) == shape.elements());
  }
}

}  // namespace

std::vector<int> CountReaders(const LayerPlan& plan) {
  std::vector<int> readers(plan.layers.size(), 0);
  for (const Layer& layer : plan.layers) {
    if (layer.input >= 0) ++readers[static_cast<size_t>(layer.input)];
    if (layer.kind == LayerKind::kAdd && layer.second_input >= 0) {
      ++readers[static_cast<size_t>(layer.second_input)];
    }
  }
  return readers;
}

at::Tensor ToTorch(const Tensor& tensor) {
  at::Tensor result = at::empty(tensor.shape, at::kFloat);
  std::copy(tensor.values.begin(), tensor.values.end(),
            result.data_ptr<float>());
  if (result.dim() == 4) {
    result = ChannelsLast(result);
  }
  return result;
}

Tensor FromTorch(const at::Tensor& tensor) {
  const at::Tensor rows = tensor.contiguous();
  const float* values = rows.data_ptr<float>();
  return Tensor{rows.sizes().vec(),
                std::vector<float>(values, values + rows.numel())};
}

Network::Network(const LayerPlan& plan, const TensorMap& weights)
    : plan_(plan), states_(plan.layers.size()) {
  const std::vector<int> readers = CountReaders(plan);
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const Layer& layer = plan.layers[i];
    LayerState& state = states_[i];
    state.overwrites_input = MayOverwriteInput(plan, readers, layer);
    if (layer.kind == LayerKind::kConv) {
      state.weight = AddParameter(i, "weight", weights);
    } else if (layer.kind == LayerKind::kLinear ||
               layer.kind == LayerKind::kBatchNorm) {
      state.weight = AddParameter(i, "weight", weights);
      state.bias = AddParameter(i, "bias", weights);
    }
    if (layer.kind == LayerKind::kBatchNorm) {
      const auto index = static_cast<int64_t>(i);
      state.running_mean =
          ToTorch(weights.at(TensorName(index, "running_mean")));
      state.running_variance =
          ToTorch(weights.at(TensorName(index, "running_var")));
    }
  }
}

int Network::AddParameter(size_t layer, const char* tensor,
                          const TensorMap& weights) {
  Parameter parameter;
  parameter.name = TensorName(static_cast<int64_t>(layer), tensor);
  parameter.value = ToTorch(weights.at(parameter.name));
  parameters_.push_back(std::move(parameter));
  return static_cast<int>(parameters_.size()) - 1;
}

TensorMap Network::Weights() const {
  TensorMap weights;
  for (const Parameter& parameter : parameters_) {
    weights[parameter.name] = FromTorch(parameter.value);
  }
  for (size_t i = 0; i < states_.size(); ++i) {
    if (!states_[i].running_mean.defined()) continue;
    const auto index = static_cast<int64_t>(i);
    weights[TensorName(index, "running_mean")] =
        FromTorch(states_[i].running_mean);
    weights[TensorName(index, "running_var")] =
        FromTorch(states_[i].running_variance);
  }
  return weights;
}

// In place: references to a parameter stay valid.
void Network::Load(const TensorMap& weights) {
  for (Parameter& parameter : parameters_) {
    parameter.value.copy_(ToTorch(weights.at(parameter.name)));
  }
  for (size_t i = 0; i < states_.size(); ++i) {
    if (!states_[i].running_mean.defined()) continue;
    const auto index = static_cast<int64_t>(i);
    states_[i].running_mean =
        ToTorch(weights.at(TensorName(index, "running_mean")));
    states_[i].running_variance =
        ToTorch(weights.at(TensorName(index, "running_var")));
  }
}

const at::Tensor& Network::OutputOf(int layer) const {
  return layer < 0 ? images_ : states_[static_cast<size_t>(layer)].output;
}

at::Tensor Network::Forward(const at::Tensor& images) {
  images_ = images;
  for (size_t i = 0; i < plan_.layers.size(); ++i) {
    const Layer& layer = plan_.layers[i];
    states_[i].output = ForwardLayer(i, OutputOf(layer.input));
    CheckShape(layer, states_[i].output);
    if (states_[i].overwrites_input) {
      states_[static_cast<size_t>(layer.input)].output.reset();
    }
  }
  return states_.back().output;
}

at::Tensor Network::ForwardConv(size_t index, const at::Tensor& input) {
  const Layer& layer = plan_.layers[index];
  const Parameter& weight =
      parameters_[static_cast<size_t>(states_[index].weight)];
  return at::convolution(input, weight.value, {}, Both(layer.stride),
                         Both(PaddingOf(layer)), kUndilated, false,
                         kNoOutputPadding, layer.groups);
}

at::Tensor Network::ForwardBatchNorm(size_t index, const at::Tensor& input) {
  LayerState& state = states_[index];
  const at::Tensor rows = ChannelsLast(input);
  const at::Tensor output = at::empty_like(rows);
  state.statistics = BatchNormForward(
      Values(rows),
      Values(parameters_[static_cast<size_t>(state.weight)].value),
      Values(parameters_[static_cast<size_t>(state.bias)].value),
      MutableValues(state.running_mean), MutableValues(state.running_variance),
      MutableValues(output));
  return output;
}

at::Tensor Network::ForwardLayer(size_t index, const at::Tensor& input) {
  const Layer& layer = plan_.layers[index];
  LayerState& state = states_[index];
  switch (layer.kind) {
    case LayerKind::kConv:
      return ForwardConv(index, input);
    case LayerKind::kBatchNorm:
      return ForwardBatchNorm(index, input);
    case LayerKind::kRelu: {
      if (!state.overwrites_input) return at::relu(input);
      at::Tensor output = input;
      return at::relu_(output);
    }
    case LayerKind::kHardswish:
      return at::hardswish(input);
    case LayerKind::kSilu:
      return at::silu(input);
    case LayerKind::kMaxPool: {
      at::Tensor output;
      std::tie(output, state.indices) = at::max_pool2d_with_indices(
          input, Both(layer.kernel), Both(layer.stride), Both(PaddingOf(layer)),
          kUndilated, /*ceil_mode=*/false);
      return output;
    }
    case LayerKind::kAvgPool:
      return at::avg_pool2d(input, Both(layer.kernel), Both(layer.stride),
                            Both(PaddingOf(layer)), /*ceil_mode=*/false,
                            /*count_include_pad=*/false);
    case LayerKind::kAdd:
      return at::add(input, OutputOf(layer.second_input));
    case LayerKind::kGlobalAvgPool:
      return at::mean(input, at::IntArrayRef{2, 3});
    case LayerKind::kLinear:
      return at::addmm(
          parameters_[static_cast<size_t>(state.bias)].value,
          input.reshape({input.size(0), -1}),
          parameters_[static_cast<size_t>(state.weight)].value.t());
  }
  ARCHPOOL_CHECK(false);
}

void Network::Backward(const at::Tensor& logits_gradient) {
  states_.back().gradient = logits_gradient;
  for (size_t i = plan_.layers.size(); i-- > 0;) {
    LayerState& state = states_[i];
    if (state.gradient.defined()) BackwardLayer(i, state.gradient);
    state.gradient.reset();
    state.output.reset();
    state.indices.reset();
  }
  images_.reset();
  images_gradient_.reset();
}

// Out of place: `gradient` may also be another layer's.
void Network::AddGradient(int layer, const at::Tensor& gradient) {
  if (layer < 0) return;
  at::Tensor& sum = layer < 0 ? images_gradient_
                              : states_[static_cast<size_t>(layer)].gradient;
  sum = sum.defined() ? at::add(sum, gradient) : gradient;
}

void Network::SetGradient(int parameter, const at::Tensor& gradient) {
  Parameter& target = parameters_[static_cast<size_t>(parameter)];
  target.gradient = gradient.dim() == 4
                        ? gradient.contiguous(at::MemoryFormat::ChannelsLast)
                        : gradient.contiguous();
}

void Network::BackwardConv(size_t index, const at::Tensor& gradient) {
  const Layer& layer = plan_.layers[index];
  const int weight = states_[index].weight;
  const auto [input_gradient, weight_gradient, bias_gradient] =
      at::convolution_backward(gradient, OutputOf(layer.input),
                               parameters_[static_cast<size_t>(weight)].value,
                               /*bias_sizes=*/c10::nullopt, Both(layer.stride),
                               Both(PaddingOf(layer)), kUndilated,
                               /*transposed=*/false, kNoOutputPadding,
                               layer.groups, {layer.input >= 0, true, false});
  SetGradient(weight, weight_gradient);
  AddGradient(layer.input, input_gradient);
}

void Network::BackwardBatchNorm(size_t index, const at::Tensor& gradient) {
  const Layer& layer = plan_.layers[index];
  LayerState& state = states_[index];
  const at::Tensor rows = ChannelsLast(OutputOf(layer.input));
  const at::Tensor input_gradient = at::empty_like(rows);
  const BatchNormGradients gradients = BatchNormBackward(
      Values(rows), Values(ChannelsLast(gradient)),
      Values(parameters_[static_cast<size_t>(state.weight)].value),
      state.statistics, MutableValues(input_gradient));
  SetGradient(state.weight, at::tensor(gradients.scale));
  SetGradient(state.bias, at::tensor(gradients.shift));
  AddGradient(layer.input, input_gradient);
}

void Network::BackwardLinear(size_t index, const at::Tensor& gradient) {
  const Layer& layer = plan_.layers[index];
  const LayerState& state = states_[index];
  const at::Tensor& input = OutputOf(layer.input);
  const at::Tensor rows = input.reshape({input.size(0), -1});
  SetGradient(state.weight, at::mm(gradient.t(), rows));
  SetGradient(state.bias, at::sum(gradient, at::IntArrayRef{0}));
  AddGradient(
      layer.input,
      at::mm(gradient, parameters_[static_cast<size_t>(state.weight)].value)
          .reshape(input.sizes()));
}

void Network::BackwardLayer(size_t index, const at::Tensor& gradient) {
  const Layer& layer = plan_.layers[index];
  const LayerState& state = states_[index];
  const at::Tensor& input = OutputOf(layer.input);
  switch (layer.kind) {
    case LayerKind::kConv:
      return BackwardConv(index, gradient);
    case LayerKind::kBatchNorm:
      return BackwardBatchNorm(index, gradient);
    case LayerKind::kRelu:
      return AddGradient(layer.input,
                         at::threshold_backward(gradient, state.output, 0));
    case LayerKind::kHardswish:
      return AddGradient(layer.input, at::hardswish_backward(gradient, input));
    case LayerKind::kSilu:
      return AddGradient(layer.input, at::silu_backward(gradient, input));
    case LayerKind::kMaxPool:
      return AddGradient(layer.input,
                         at::max_pool2d_with_indices_backward(
                             gradient, input, Both(layer.kernel),
                             Both(layer.stride), Both(PaddingOf(layer)),
                             kUndilated, /*ceil_mode=*/false, state.indices));
    case LayerKind::kAvgPool:
      return AddGradient(
          layer.input,
          at::avg_pool2d_backward(gradient, input, Both(layer.kernel),
                                  Both(layer.stride), Both(PaddingOf(layer)),
                                  /*ceil_mode=*/false,
                                  /*count_include_pad=*/false, c10::nullopt));
    case LayerKind::kAdd:
      AddGradient(layer.input, gradient);
      return AddGradient(layer.second_input, gradient);
    case LayerKind::kGlobalAvgPool:
      return AddGradient(
          layer.input,
          ChannelsLast(at::div(gradient, input.size(2) * input.size(3))
                           .reshape({input.size(0), input.size(1), 1, 1})
                           .expand(input.sizes())));
    case LayerKind::kLinear:
      return BackwardLinear(index, gradient);
  }
}

}  // namespace archpool::nn
