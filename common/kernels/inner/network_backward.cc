// SPDX-License-Identifier: Apache-2.0
// The backward pass of a network.
#include <algorithm>

#include "common/kernels/arithmetic.h"
#include "common/kernels/inner/network.h"
#include "common/kernels/inner/network_norm.h"

namespace archpool::kernels {

void Network::Backward() {
  std::fill(has_gradient_.begin(), has_gradient_.end(), false);
  has_gradient_.back() = true;
  for (size_t u = plan_.units().size(); u-- > 0;) BackwardUnit(u);
}

MapView Network::GradientToWrite(size_t index) {
  const int input = plan_.units()[index].input;
  return has_gradient_[static_cast<size_t>(input)]
             ? View(plan_.spare_gradient(index))
             : Gradient(input);
}

void Network::AddSpareGradient(size_t index) {
  const int input = plan_.units()[index].input;
  const auto at = static_cast<size_t>(input);
  if (has_gradient_[at]) {
    const MapView sum = Gradient(input);
    PointwiseAll(context_, LayerKind::kAdd, sum,
                 View(plan_.spare_gradient(index)), sum);
  }
  has_gradient_[at] = true;
}

void Network::BackwardUnit(size_t index) {
  const Unit& unit = plan_.units()[index];
  const Layer& layer = layers_[unit.layer];
  // Nobody reads what it made.
  if (!has_gradient_[unit.output]) return;
  if (layer.kind == LayerKind::kAdd) return BackwardAdd(unit);
  const MapView gradient = Gradient(static_cast<int>(unit.output));
  if (Product* product = products_[index].get()) {
    const TensorPlace& place = parameters_.PlaceOf(unit.layer, "weight");
    product->WeightGradient(context_, InputOf(unit), gradient, scratch_,
                            parameters_.Gradient(place));
    if (layer.kind == LayerKind::kLinear) BackwardBias(unit);
    if (unit.input < 0) return;
    product->InputGradient(context_, gradient, parameters_.At(place),
                           GradientToWrite(index));
  } else if (layer.kind == LayerKind::kBatchNorm) {
    BackwardNorm(index, unit.input < 0 ? MapView() : GradientToWrite(index));
  } else if (unit.input < 0) {
    return;
  } else if (layer.kind == LayerKind::kRelu ||
             layer.kind == LayerKind::kHardswish ||
             layer.kind == LayerKind::kSilu) {
    ActivationGradientAll(context_, layer.kind, Output(unit.input), gradient,
                          GradientToWrite(index));
  } else {
    PoolGradientAll(context_, layer, Output(unit.input), gradient,
                    GradientToWrite(index));
  }
  if (unit.input >= 0) AddSpareGradient(index);
}

void Network::BackwardAdd(const Unit& unit) {
  const MapView gradient = Gradient(static_cast<int>(unit.output));
  for (const int input : {unit.input, unit.second_input}) {
    if (input < 0) continue;
    const auto at = static_cast<size_t>(input);
    const MapView to = Gradient(input);
    PointwiseAll(context_, LayerKind::kAdd, has_gradient_[at] ? to : gradient,
                 has_gradient_[at] ? gradient : MapView(), to);
    has_gradient_[at] = true;
  }
}

void Network::BackwardBias(const Unit& unit) {
  const MapView gradient = Gradient(static_cast<int>(unit.output));
  const int64_t outputs = layers_[unit.layer].output_shape.channels;
  float* sums = parameters_.Gradient(parameters_.PlaceOf(unit.layer, "bias"));
  for (int64_t o = 0; o < outputs; ++o) {
    sums[o] =
        BlockedSum(context_.batch, 1, 1, outputs,
                   [&](Chain& chain, int64_t n, int64_t, int64_t) {
                     chain.Add(gradient.at[n * gradient.strides.example + o]);
                   });
  }
}

}  // namespace archpool::kernels
