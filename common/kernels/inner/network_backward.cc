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
  size_t product = units.end;
  for (size_t u = units.first; u < units.end; ++u) {
    if (products_[u] && !roles_[u].is_dead) product = u;
  }
  // One thread sums a block's examples, in their order. Where there are fewer
  // blocks than threads, the sums wait until the threads can share a block.
  const int64_t at_once = backward_examples_[stage];
  int64_t part_examples = at_once;
  bool sums_weights = false;
  if (product < units.end) {
    const int64_t of_block =
        products_[product]->ExamplesPerBlock(context_.batch);
    sums_weights = context_.team.threads() * of_block <= context_.batch;
    if (sums_weights) part_examples = of_block;
  }
  const bool has_norm_below = units.first > 0 && norms_[units.first - 1] &&
                              !roles_[units.first - 1].is_dead;
  const size_t below = units.first - 1;
  const int64_t parts = (context_.batch + part_examples - 1) / part_examples;
  context_.team.Run(parts, [&](int64_t part) {
    const int64_t begin = part * part_examples;
    const int64_t end = std::min(begin + part_examples, context_.batch);
    int64_t block = has_norm_below ? FirstBlock(below, begin) : 0;
    for (int64_t first = begin; first < end; first += at_once) {
      const int64_t count = std::min(at_once, end - first);
      BackwardExamples(units, {first, count}, sums_weights);
      if (!has_norm_below) continue;
      block = SumBlocks(below, &Network::SumNormGradientBlock, block,
                        first + count);
    }
  });
  if (has_norm_below) {
    SumBlocksAcross(below, &Network::SumNormGradientBlock, 0, part_examples);
  }
  if (product < units.end) WeightGradient(product, sums_weights);
}

void Network::BackwardExamples(const Stage& stage, const Examples& examples,
                               bool sums_weights) {
  for (size_t u = stage.end; u-- > stage.first;) {
    if (roles_[u].is_dead) continue;
    const Unit& unit = plan_.units()[u];
    if (products_[u] && sums_weights) {
      products_[u]->SumExamples(
          context_.kernels, context_.batch, examples.first,
          examples.first + examples.count, InputOf(unit),
          Gradient(static_cast<int>(unit.output)), scratch_.data(),
          parameters_.Gradient(parameters_.PlaceOf(unit.layer, "weight")));
    }
    BackwardUnit(u, examples);
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
  if (layer.kind == LayerKind::kAdd) return BackwardAdd(index, examples);
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
  if (roles_[index].adds[0]) {
    const MapView sum = Gradient(unit.input, first);
    PointwiseAll(context, LayerKind::kAdd, sum, to, sum);
  }
}

void Network::BackwardAdd(size_t index, const Examples& examples) {
  const Unit& unit = plan_.units()[index];
  const int64_t first = examples.first;
  const MapView gradient = Gradient(static_cast<int>(unit.output), first);
  const int inputs[2] = {unit.input, unit.second_input};
  for (int i = 0; i < 2; ++i) {
    if (inputs[i] < 0) continue;
    const bool adds = roles_[index].adds[i];
    const MapView to = Gradient(inputs[i], first);
    PointwiseAll(ContextOf(examples), LayerKind::kAdd, adds ? to : gradient,
                 adds ? gradient : MapView(), to);
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
