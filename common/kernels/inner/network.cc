// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/inner/network.h"

#include <algorithm>

#include "common/kernels/arithmetic.h"
#include "common/kernels/inner/network_norm.h"

namespace archpool::kernels {
namespace {

bool IsProduct(LayerKind kind) {
  return kind == LayerKind::kConv || kind == LayerKind::kLinear;
}

bool IsPool(LayerKind kind) {
  return kind == LayerKind::kMaxPool || kind == LayerKind::kAvgPool ||
         kind == LayerKind::kGlobalAvgPool;
}

MapLayout InputLayout(const NetworkPlan& plan, const Unit& unit) {
  return plan
      .buffer(unit.input_copy != kNoBuffer ? unit.input_copy
                                           : plan.OutputOf(unit.input))
      .layout;
}

std::unique_ptr<Product> MakeProduct(const NetworkPlan& plan, const Unit& unit,
                                     const Layer& layer) {
  const Strides in = InputLayout(plan, unit).strides();
  const Strides gradient =
      plan.buffer(plan.GradientOf(static_cast<int>(unit.output)))
          .layout.strides();
  return std::make_unique<Product>(layer, in,
                                   unit.input < 0 ? nullptr : &gradient);
}

}  // namespace

Network::Network(const TensorShape& input, const std::vector<Layer>& layers,
                 int64_t batch, const KernelTable& kernels, Team& team)
    : input_(input),
      layers_(layers),
      plan_(input, layers, batch, Purpose::kTraining),
      context_{kernels, team, batch},
      parameters_(layers),
      maps_(static_cast<size_t>(plan_.floats() + kSlack)),
      has_gradient_(layers.size(), false) {
  int64_t scratch = 0;
  for (const Unit& unit : plan_.units()) {
    const Layer& layer = layers_[unit.layer];
    products_.push_back(IsProduct(layer.kind) ? MakeProduct(plan_, unit, layer)
                                              : nullptr);
    norms_.push_back(layer.kind == LayerKind::kBatchNorm
                         ? std::make_unique<Norm>(layer, batch)
                         : nullptr);
    if (products_.back()) {
      scratch = std::max(scratch, products_.back()->ScratchFloats(batch));
    }
  }
  scratch_.resize(static_cast<size_t>(scratch));
}

Network::~Network() = default;

int64_t Network::Bytes(const TensorShape& input,
                       const std::vector<Layer>& layers, int64_t batch) {
  const NetworkPlan plan(input, layers, batch, Purpose::kTraining);
  int64_t floats = plan.floats() + kSlack;
  int64_t scratch = 0;
  for (const Unit& unit : plan.units()) {
    const Layer& layer = layers[unit.layer];
    if (IsProduct(layer.kind)) {
      const auto product = MakeProduct(plan, unit, layer);
      scratch = std::max(scratch, product->ScratchFloats(batch));
      floats += product->OwnFloats();
    }
    if (layer.kind == LayerKind::kBatchNorm) {
      floats += Norm::Floats(layer, batch);
    }
  }
  return (floats + scratch) * static_cast<int64_t>(sizeof(float)) +
         Parameters::Bytes(layers);
}

MapView Network::View(int buffer) {
  const MapBuffer& map = plan_.buffer(buffer);
  return {.at = maps_.data() + map.offset + map.layout.origin(),
          .strides = map.layout.strides(),
          .shape = map.layout.shape};
}

MapView Network::Output(int layer) { return View(plan_.OutputOf(layer)); }
MapView Network::Gradient(int layer) { return View(plan_.GradientOf(layer)); }

MapView Network::InputOf(const Unit& unit) {
  return unit.input_copy != kNoBuffer ? View(unit.input_copy)
                                      : Output(unit.input);
}

const float* Network::logits() const {
  return const_cast<Network*>(this)
      ->Output(static_cast<int>(layers_.size()) - 1)
      .at;
}

int64_t Network::logits_stride() const {
  return RoundUp(layers_.back().output_shape.channels, kChannelStep);
}

bool Network::Step(const float* images, const uint8_t* labels,
                   const StepRates& rates) {
  Forward(images);
  LossGradient(labels, rates.smoothing);
  Backward();
  return parameters_.Step(rates.rates, running_is_finite_, context_.kernels,
                          context_.team);
}

void Network::Forward(const float* images) {
  running_is_finite_ = true;
  MapView from;
  from.at = const_cast<float*>(images);
  from.strides = MapLayout{.shape = input_, .is_image = true}.strides();
  from.shape = input_;
  CopyMap(context_, from, Output(-1));
  for (size_t u = 0; u < plan_.units().size(); ++u) ForwardUnit(u);
}

void Network::ForwardUnit(size_t index) {
  const Unit& unit = plan_.units()[index];
  const Layer& layer = layers_[unit.layer];
  const MapView out = Output(static_cast<int>(unit.output));
  if (unit.input_copy != kNoBuffer) {
    CopyMap(context_, Output(unit.input), View(unit.input_copy));
  }
  if (IsProduct(layer.kind)) {
    const float* last =
        layer.kind == LayerKind::kLinear
            ? parameters_.At(parameters_.PlaceOf(unit.layer, "bias"))
            : nullptr;
    products_[index]->Forward(
        context_, InputOf(unit),
        parameters_.At(parameters_.PlaceOf(unit.layer, "weight")), last, out);
  } else if (layer.kind == LayerKind::kBatchNorm) {
    ForwardNorm(index);
  } else if (IsPool(layer.kind)) {
    PoolAll(context_, layer, Output(unit.input), out);
  } else {
    PointwiseAll(
        context_, layer.kind, Output(unit.input),
        layer.kind == LayerKind::kAdd ? Output(unit.second_input) : MapView(),
        out);
  }
}

void Network::LossGradient(const uint8_t* labels, double smoothing) {
  const int64_t classes = layers_.back().output_shape.channels;
  const MapView gradient = Gradient(static_cast<int>(layers_.size()) - 1);
  context_.team.RunRanges(context_.batch, [&](int64_t first, int64_t end) {
    LossPass pass;
    pass.examples = end - first;
    pass.classes = classes;
    pass.logits = logits() + first * logits_stride();
    pass.gradient = gradient.at + first * logits_stride();
    pass.stride = logits_stride();
    pass.labels = labels + first;
    pass.on = static_cast<float>(1.0 - smoothing);
    pass.off = static_cast<float>(smoothing / static_cast<double>(classes));
    pass.share = 1.0f / static_cast<float>(context_.batch);
    context_.kernels.loss(pass);
  });
}

}  // namespace archpool::kernels
