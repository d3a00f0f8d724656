// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/inner/evaluation_network.h"

#include <algorithm>
#include <cmath>

namespace archpool::kernels {
namespace {

constexpr double kEpsilon = 1e-5;

// What a batch norm does to a channel with its running statistics: x · a + b.
struct Line {
  AlignedFloats slope;
  AlignedFloats height;
};

Line LineOf(const Parameters& parameters, size_t layer) {
  const TensorPlace& place = parameters.PlaceOf(layer, "weight");
  const float* scale = parameters.At(place);
  const float* shift = parameters.At(parameters.PlaceOf(layer, "bias"));
  const float* mean = parameters.At(parameters.PlaceOf(layer, "running_mean"));
  const float* variance =
      parameters.At(parameters.PlaceOf(layer, "running_var"));
  const auto stride = static_cast<size_t>(place.layout.stride());
  Line line{AlignedFloats(stride), AlignedFloats(stride)};
  for (size_t c = 0; c < static_cast<size_t>(place.layout.outputs); ++c) {
    const double slope =
        double{scale[c]} / std::sqrt(double{variance[c]} + kEpsilon);
    line.slope[c] = static_cast<float>(slope);
    line.height[c] =
        static_cast<float>(double{shift[c]} - double{mean[c]} * slope);
  }
  return line;
}

}  // namespace

EvaluationNetwork::EvaluationNetwork(const TensorShape& input,
                                     const std::vector<Layer>& layers,
                                     int64_t batch,
                                     const Parameters& parameters,
                                     const KernelTable& kernels, Team& team)
    : input_(input),
      layers_(layers),
      plan_(input, layers, batch, Purpose::kEvaluation),
      kernels_(kernels),
      team_(team),
      folded_(plan_.units().size()),
      maps_(static_cast<size_t>(plan_.floats() + kSlack)) {
  for (size_t u = 0; u < folded_.size(); ++u) {
    Fold(plan_.units()[u], parameters, folded_[u]);
  }
}

void EvaluationNetwork::Fold(const Unit& unit, const Parameters& parameters,
                             Folded& folded) {
  const Layer& layer = layers_[unit.layer];
  if (layer.kind == LayerKind::kBatchNorm) {
    Line line = LineOf(parameters, unit.layer);
    folded.factor = std::move(line.slope);
    folded.last = std::move(line.height);
    folded.zero.assign(folded.last.size(), 0.0f);
  }
  if (layer.kind != LayerKind::kConv && layer.kind != LayerKind::kLinear) {
    return;
  }
  const int input = unit.input_copy != kNoBuffer ? unit.input_copy
                                                 : plan_.OutputOf(unit.input);
  folded.product = std::make_unique<Product>(
      layer, plan_.buffer(input).layout.strides(), nullptr);
  const TensorPlace& place = parameters.PlaceOf(unit.layer, "weight");
  const float* weights = parameters.At(place);
  const auto stride = static_cast<size_t>(place.layout.stride());
  folded.weights.assign(weights, weights + place.layout.floats());
  if (layer.kind == LayerKind::kLinear) {
    const float* bias = parameters.At(parameters.PlaceOf(unit.layer, "bias"));
    folded.last.assign(bias, bias + stride);
  }
  // The layer behind it, where that has been folded away.
  for (size_t norm = 0; norm < layers_.size(); ++norm) {
    if (!plan_.IsFolded(norm) ||
        layers_[norm].input != static_cast<int>(unit.layer)) {
      continue;
    }
    Line line = LineOf(parameters, norm);
    for (size_t i = 0; i < folded.weights.size(); ++i) {
      folded.weights[i] = folded.weights[i] * line.slope[i % stride];
    }
    folded.last = std::move(line.height);
  }
  folded.last.resize(stride + kSlack);
  folded.weights.resize(folded.weights.size() + kSlack);
}

MapView EvaluationNetwork::View(int buffer) {
  const MapBuffer& map = plan_.buffer(buffer);
  return {.at = maps_.data() + map.offset + map.layout.origin(),
          .strides = map.layout.strides(),
          .shape = map.layout.shape};
}

int64_t EvaluationNetwork::logits_stride() const {
  return RoundUp(layers_.back().output_shape.channels, kChannelStep);
}

const float* EvaluationNetwork::Logits(const float* images, int64_t count) {
  MapView from;
  from.at = const_cast<float*>(images);
  from.strides = MapLayout{.shape = input_, .is_image = true}.strides();
  from.shape = input_;
  const Context context{kernels_, team_, count};
  CopyMap(context, from, Output(-1));
  for (size_t u = 0; u < folded_.size(); ++u) Compute(u, count);
  return Output(static_cast<int>(layers_.size()) - 1).at;
}

void EvaluationNetwork::Compute(size_t index, int64_t count) {
  const Unit& unit = plan_.units()[index];
  const Layer& layer = layers_[unit.layer];
  const Folded& folded = folded_[index];
  const Context context{kernels_, team_, count};
  const MapView in = Output(unit.input);
  const MapView out = Output(static_cast<int>(unit.output));
  if (folded.product) {
    MapView bordered = in;
    if (unit.input_copy != kNoBuffer) {
      bordered = View(unit.input_copy);
      CopyMap(context, in, bordered);
    }
    const bool rectifies =
        unit.activation == LayerKind::kRelu && folded.product->CanRectify();
    folded.product->Forward(context, bordered, folded.weights.data(),
                            folded.last.data(), out, rectifies);
    if (unit.activation != LayerKind::kBatchNorm && !rectifies) {
      PointwiseAll(context, unit.activation, out, MapView(), out);
    }
  } else if (layer.kind == LayerKind::kBatchNorm) {
    NormalizeAll(context, in, out,
                 {.mean = folded.zero.data(),
                  .factor = folded.factor.data(),
                  .shift = folded.last.data()},
                 unit.activation);
  } else if (layer.kind == LayerKind::kAdd) {
    PointwiseAll(context, layer.kind, in, Output(unit.second_input), out);
  } else if (layer.kind == LayerKind::kMaxPool ||
             layer.kind == LayerKind::kAvgPool ||
             layer.kind == LayerKind::kGlobalAvgPool) {
    PoolAll(context, layer, in, out);
  } else {
    PointwiseAll(context, layer.kind, in, MapView(), out);
  }
}

int64_t EvaluationNetwork::Bytes(const TensorShape& input,
                                 const std::vector<Layer>& layers,
                                 int64_t batch) {
  const NetworkPlan plan(input, layers, batch, Purpose::kEvaluation);
  int64_t floats = plan.floats();
  for (const Layer& layer : layers) floats += 2 * layer.parameters;
  return floats * static_cast<int64_t>(sizeof(float));
}

}  // namespace archpool::kernels
