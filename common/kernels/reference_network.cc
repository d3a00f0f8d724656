// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/reference_network.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>

#include "common/kernels/arithmetic.h"
#include "common/kernels/weights.h"

namespace archpool::kernels::reference {
namespace {

constexpr double kEpsilon = 1e-5;

std::string NameOf(size_t layer, const char* tensor) {
  return TensorName(static_cast<int64_t>(layer), tensor);
}

Values Sum(View a, View b) {
  Values sum(a.begin(), a.end());
  for (size_t i = 0; i < sum.size(); ++i) sum[i] = sum[i] + b[i];
  return sum;
}

int CountReaders(const LayerPlan& plan, int layer) {
  int readers = 0;
  for (const Layer& other : plan.layers) {
    readers += other.input == layer;
    readers += other.kind == LayerKind::kAdd && other.second_input == layer;
  }
  return readers;
}

}  // namespace

ReferenceNetwork::ReferenceNetwork(const LayerPlan& plan,
                                   const TensorMap& weights)
    : plan_(plan), weights_(weights), states_(plan.layers.size()) {
  for (const auto& [name, tensor] : weights) {
    if (name.find("running") != std::string::npos) continue;
    velocities_[name] = archpool::Tensor{
        tensor.shape, std::vector<float>(tensor.values.size())};
  }
}

const std::vector<float>& ReferenceNetwork::Tensor(size_t layer,
                                                   const char* name) const {
  return weights_.at(NameOf(layer, name)).values;
}

View ReferenceNetwork::OutputOf(int layer) const {
  return layer < 0 ? images_ : states_[static_cast<size_t>(layer)].output;
}

const Values& ReferenceNetwork::Forward(View images, int64_t examples) {
  images_.assign(images.begin(), images.end());
  examples_ = examples;
  for (size_t i = 0; i < states_.size(); ++i) ForwardLayer(i);
  return states_.back().output;
}

void ReferenceNetwork::ForwardLayer(size_t index) {
  const Layer& layer = plan_.layers[index];
  const View input = OutputOf(layer.input);
  State& state = states_[index];
  state.gradient.clear();
  switch (layer.kind) {
    case LayerKind::kConv:
      state.output =
          ConvForward(layer, examples_, input, Tensor(index, "weight"));
      return;
    case LayerKind::kLinear:
      state.output =
          LinearForward(layer, examples_, input, Tensor(index, "weight"),
                        Tensor(index, "bias"));
      return;
    case LayerKind::kBatchNorm:
      state.output = BatchNormForward(
          input,
          {.scale = Tensor(index, "weight"),
           .shift = Tensor(index, "bias"),
           .running_mean =
               absl::MakeSpan(weights_[NameOf(index, "running_mean")].values),
           .running_variance =
               absl::MakeSpan(weights_[NameOf(index, "running_var")].values)},
          state.statistics);
      return;
    case LayerKind::kAdd:
      state.output = Sum(input, OutputOf(layer.second_input));
      return;
    case LayerKind::kRelu:
    case LayerKind::kHardswish:
    case LayerKind::kSilu:
      state.output.clear();
      for (const float value : input) {
        state.output.push_back(Activate(layer.kind, value));
      }
      return;
    default:
      state.output = PoolForward(layer, examples_, input);
  }
}

TensorMap ReferenceNetwork::Backward(View logits_gradient) {
  TensorMap gradients;
  states_.back().gradient.assign(logits_gradient.begin(),
                                 logits_gradient.end());
  for (size_t i = states_.size(); i-- > 0;) {
    if (!states_[i].gradient.empty()) BackwardLayer(i, gradients);
  }
  return gradients;
}

void ReferenceNetwork::AddGradient(int layer, const Values& gradient) {
  if (layer < 0) return;
  Values& sum = states_[static_cast<size_t>(layer)].gradient;
  sum = sum.empty() ? gradient : Sum(sum, gradient);
}

void ReferenceNetwork::BackwardLayer(size_t index, TensorMap& gradients) {
  const Layer& layer = plan_.layers[index];
  const View input = OutputOf(layer.input);
  const Values& gradient = states_[index].gradient;
  const auto set = [&](const char* tensor, Values values) {
    const std::string name = NameOf(index, tensor);
    gradients[name] =
        archpool::Tensor{weights_.at(name).shape, std::move(values)};
  };
  switch (layer.kind) {
    case LayerKind::kConv:
      set("weight", ConvWeightGradient(layer, examples_, input, gradient));
      if (layer.input < 0) return;
      return AddGradient(layer.input,
                         ConvInputGradient(layer, examples_, gradient,
                                           Tensor(index, "weight")));
    case LayerKind::kLinear:
      set("weight", LinearWeightGradient(layer, examples_, input, gradient));
      set("bias", LinearBiasGradient(layer, examples_, gradient));
      return AddGradient(layer.input,
                         LinearInputGradient(layer, examples_, gradient,
                                             Tensor(index, "weight")));
    case LayerKind::kBatchNorm: {
      BatchNormGradients of = BatchNormBackward(
          input, gradient, Tensor(index, "weight"), states_[index].statistics);
      set("weight", std::move(of.scale));
      set("bias", std::move(of.shift));
      return AddGradient(layer.input, of.input);
    }
    case LayerKind::kAdd:
      AddGradient(layer.input, gradient);
      return AddGradient(layer.second_input, gradient);
    case LayerKind::kRelu:
    case LayerKind::kHardswish:
    case LayerKind::kSilu: {
      Values of(gradient.size());
      for (size_t i = 0; i < of.size(); ++i) {
        of[i] = ActivationGradient(layer.kind, input[i], gradient[i]);
      }
      return AddGradient(layer.input, of);
    }
    default:
      return AddGradient(layer.input,
                         PoolInputGradient(layer, examples_, input, gradient));
  }
}

bool ReferenceNetwork::IsFinite() const {
  for (const TensorMap* tensors : {&weights_, &velocities_}) {
    for (const auto& [name, tensor] : *tensors) {
      for (const float value : tensor.values) {
        if (!std::isfinite(value)) return false;
      }
    }
  }
  return true;
}

bool ReferenceNetwork::Step(View images, absl::Span<const uint8_t> labels,
                            const OptimizerRates& rates, double smoothing) {
  const TensorMap weights = weights_;
  const TensorMap velocities = velocities_;
  const Values& logits = Forward(images, static_cast<int64_t>(labels.size()));
  const TensorMap gradients =
      Backward(LossGradient(plan_.classes, logits, labels, smoothing));
  for (const auto& [name, gradient] : gradients) {
    OptimizerRates of = rates;
    if (gradient.shape.size() < 2) of.decay = 0;
    OptimizerStep(of, gradient.values, absl::MakeSpan(velocities_[name].values),
                  absl::MakeSpan(weights_[name].values));
  }
  if (IsFinite()) return true;
  weights_ = weights;
  velocities_ = velocities;
  return false;
}

Values ReferenceNetwork::Evaluate(View images, int64_t examples) const {
  std::vector<Values> outputs(plan_.layers.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    outputs[i] = EvaluateLayer(i, outputs, images, examples);
  }
  return outputs.back();
}

ReferenceNetwork::Folding ReferenceNetwork::FoldingOf(size_t norm,
                                                      size_t channel) const {
  const double slope =
      double{Tensor(norm, "weight")[channel]} /
      std::sqrt(double{Tensor(norm, "running_var")[channel]} + kEpsilon);
  return {static_cast<float>(slope),
          static_cast<float>(double{Tensor(norm, "bias")[channel]} -
                             double{Tensor(norm, "running_mean")[channel]} *
                                 slope)};
}

bool ReferenceNetwork::IsFolded(const Layer& norm) const {
  return norm.kind == LayerKind::kBatchNorm && norm.input >= 0 &&
         plan_.layers[static_cast<size_t>(norm.input)].kind ==
             LayerKind::kConv &&
         CountReaders(plan_, norm.input) == 1;
}

Values ReferenceNetwork::EvaluateConv(size_t index, View input,
                                      int64_t examples) const {
  const Layer& layer = plan_.layers[index];
  const auto channels = static_cast<size_t>(layer.output_shape.channels);
  std::optional<size_t> norm;
  for (size_t i = 0; i < plan_.layers.size(); ++i) {
    if (plan_.layers[i].input == static_cast<int>(index) &&
        IsFolded(plan_.layers[i])) {
      norm = i;
    }
  }
  Values weights = Tensor(index, "weight");
  const size_t each = weights.size() / channels;
  for (size_t i = 0; i < weights.size() && norm.has_value(); ++i) {
    weights[i] = weights[i] * FoldingOf(*norm, i / each).slope;
  }
  Values output = ConvForward(layer, examples, input, weights);
  // A chain that ends with + 0 and then + b is one that ends with + b, but
  // for the sign of a zero that b would have turned anyway.
  for (size_t i = 0; i < output.size() && norm.has_value(); ++i) {
    output[i] = output[i] + FoldingOf(*norm, i % channels).height;
  }
  return output;
}

Values ReferenceNetwork::EvaluateLayer(size_t index,
                                       const std::vector<Values>& outputs,
                                       View images, int64_t examples) const {
  const Layer& layer = plan_.layers[index];
  const auto output_of = [&](int at) {
    return at < 0 ? images : View(outputs[static_cast<size_t>(at)]);
  };
  const View input = output_of(layer.input);
  const auto channels = static_cast<size_t>(layer.output_shape.channels);
  Values output(input.begin(), input.end());
  switch (layer.kind) {
    case LayerKind::kConv:
      return EvaluateConv(index, input, examples);
    case LayerKind::kLinear:
      return LinearForward(layer, examples, input, Tensor(index, "weight"),
                           Tensor(index, "bias"));
    case LayerKind::kAdd:
      return Sum(input, output_of(layer.second_input));
    case LayerKind::kBatchNorm:
      for (size_t i = 0; i < output.size() && !IsFolded(layer); ++i) {
        const Folding it = FoldingOf(index, i % channels);
        output[i] = WithoutTiny(std::fma(output[i], it.slope, it.height));
      }
      return output;
    case LayerKind::kRelu:
    case LayerKind::kHardswish:
    case LayerKind::kSilu:
      for (float& value : output) value = Activate(layer.kind, value);
      return output;
    default:
      return PoolForward(layer, examples, input);
  }
}

}  // namespace archpool::kernels::reference
