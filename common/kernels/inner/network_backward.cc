// SPDX-License-Identifier: Apache-2.0
// The backward pass of a network.
#include <algorithm>

#include "common/kernels/arithmetic.h"
#include "common/kernels/inner/network.h"
#include "common/kernels/inner/network_norm.h"

namespace archpool::kernels {

void Network::Backward() {
  for (size_t u = 0; u < plan_.units().size(); ++u) {
    const Unit& unit = plan_.units()[u];
    if (!products_[u] || unit.input < 0 || roles_[u].is_dead) continue;
    products_[u]->Turn(
        context_, parameters_.At(parameters_.PlaceOf(unit.layer, "weight")));
  }
  for (size_t s = 0; s < plan_.backward_stages().size(); ++s) BackwardStage(s);
}

void Network::BackwardStage(size_t stage) {
  const Stage& units = plan_.backward_stages()[stage];
  const size_t top = units.end - 1;
  if (norms_[top] && !roles_[top].is_dead) FinishNormGradientSums(top);
  if (!is_alone()) return BackwardTogether(units);
  const int64_t count = backward_examples_[stage];
  for (int64_t first = 0; first < context_.batch; first += count) {
    BackwardExamples(units, {first, std::min(count, context_.batch - first)});
  }
  for (size_t u = units.first; u < units.end; ++u) {
    if (products_[u] && !roles_[u].is_dead) WeightGradient(u, true);
  }
}

void Network::BackwardTogether(const Stage& stage) {
  for (size_t u = stage.end; u-- > stage.first;) {
    if (roles_[u].is_dead) continue;
    if (products_[u]) WeightGradient(u, false);
    if (layers_[plan_.units()[u].layer].kind == LayerKind::kAdd) {
      for (const int input : {0, 1}) {
        ForEachRange(
            [&](const Examples& examples) { BackwardAdd(u, input, examples); });
      }
      continue;
    }
    ForEachRange([&](const Examples& examples) { BackwardUnit(u, examples); });
    if (!roles_[u].adds[0]) continue;
    ForEachRange(
        [&](const Examples& examples) { AddSpareGradient(u, examples); });
  }
  if (HasNormBelow(stage)) {
    SumBlocks(stage.first - 1, &Network::SumNormGradientBlock);
  }
}

// Whether a batch norm's gradient is there when the stage is done.
bool Network::HasNormBelow(const Stage& stage) const {
  return stage.first > 0 && norms_[stage.first - 1] &&
         !roles_[stage.first - 1].is_dead;
}

void Network::BackwardExamples(const Stage& stage, const Examples& examples) {
  const int64_t end = examples.first + examples.count;
  for (size_t u = stage.end; u-- > stage.first;) {
    if (roles_[u].is_dead) continue;
    const Unit& unit = plan_.units()[u];
    if (products_[u]) {
      products_[u]->SumExamples(
          context_.kernels, context_.batch, examples.first, end, InputOf(unit),
          Gradient(static_cast<int>(unit.output)), scratch_.data(),
          parameters_.Gradient(parameters_.PlaceOf(unit.layer, "weight")));
    }
    if (layers_[unit.layer].kind == LayerKind::kAdd) {
      for (const int input : {0, 1}) BackwardAdd(u, input, examples);
      continue;
    }
    BackwardUnit(u, examples);
    if (roles_[u].adds[0]) AddSpareGradient(u, examples);
  }
  if (HasNormBelow(stage)) {
    SumBlocksUpTo(stage.first - 1, &Network::SumNormGradientBlock, end);
  }
}

void Network::WeightGradient(size_t index, bool is_summed) {
  const Unit& unit = plan_.units()[index];
  float* sums = parameters_.Gradient(parameters_.PlaceOf(unit.layer, "weight"));
  if (is_summed) {
    products_[index]->AddBlocks(context_, scratch_.data(), sums);
  } else {
    products_[index]->WeightGradient(context_, InputOf(unit),
                                     Gradient(static_cast<int>(unit.output)),
                                     scratch_.data(), sums);
  }
  if (layers_[unit.layer].kind == LayerKind::kLinear) BackwardBias(unit);
}

MapView Network::GradientToWrite(size_t index, int64_t first) {
  return roles_[index].adds[0] ? View(plan_.spare_gradient(index), first)
                               : Gradient(plan_.units()[index].input, first);
}

void Network::BackwardUnit(size_t index, const Examples& examples) {
  const Unit& unit = plan_.units()[index];
  const Layer& layer = layers_[unit.layer];
  const Context context = ContextOf(examples);
  const int64_t first = examples.first;
  if (unit.input < 0) {
    if (norms_[index]) BackwardNorm(index, examples, MapView());
    return;
  }
  const MapView gradient = Gradient(static_cast<int>(unit.output), first);
  const MapView to = GradientToWrite(index, first);
  if (products_[index]) {
    products_[index]->InputGradient(context, gradient, to);
  } else if (norms_[index]) {
    BackwardNorm(index, examples, to);
  } else if (layer.kind == LayerKind::kRelu ||
             layer.kind == LayerKind::kHardswish ||
             layer.kind == LayerKind::kSilu) {
    ActivationGradientAll(context, layer.kind, Output(unit.input, first),
                          gradient, to);
  } else {
    PoolGradientAll(context, layer, Output(unit.input, first), gradient, to);
  }
}

void Network::AddSpareGradient(size_t index, const Examples& examples) {
  const int input = plan_.units()[index].input;
  const MapView sum = Gradient(input, examples.first);
  PointwiseAll(ContextOf(examples), LayerKind::kAdd, sum,
               View(plan_.spare_gradient(index), examples.first), sum);
}

// The gradient of an addition's input 0 or 1.
void Network::BackwardAdd(size_t index, int input, const Examples& examples) {
  const Unit& unit = plan_.units()[index];
  const int layer = input == 0 ? unit.input : unit.second_input;
  if (layer < 0) return;
  const MapView gradient =
      Gradient(static_cast<int>(unit.output), examples.first);
  const MapView to = Gradient(layer, examples.first);
  const bool adds = roles_[index].adds[input];
  PointwiseAll(ContextOf(examples), LayerKind::kAdd, adds ? to : gradient,
               adds ? gradient : MapView(), to);
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
