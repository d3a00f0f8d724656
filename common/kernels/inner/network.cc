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
      norms_of_(layers.size() + 1) {
  int64_t scratch = 0;
  for (const Unit& unit : plan_.units()) {
    const Layer& layer = layers_[unit.layer];
    const bool is_norm = layer.kind == LayerKind::kBatchNorm;
    if (is_norm) {
      norms_of_[static_cast<size_t>(unit.input + 1)].push_back(norms_.size());
    }
    products_.push_back(IsProduct(layer.kind) ? MakeProduct(plan_, unit, layer)
                                              : nullptr);
    norms_.push_back(is_norm ? std::make_unique<Norm>(layer, batch) : nullptr);
    if (products_.back()) {
      scratch = std::max(scratch, products_.back()->ScratchFloats(batch));
    }
  }
  scratch_.resize(static_cast<size_t>(scratch));
  FindRoles();
  for (const Stage& stage : plan_.forward_stages()) {
    forward_examples_.push_back(ExamplesAtOnce(stage, false));
  }
  for (const Stage& stage : plan_.backward_stages()) {
    backward_examples_.push_back(ExamplesAtOnce(stage, true));
  }
}

void Network::FindRoles() {
  roles_.resize(plan_.units().size());
  std::vector<bool> has_gradient(layers_.size(), false);
  has_gradient.back() = true;
  for (size_t u = plan_.units().size(); u-- > 0;) {
    const Unit& unit = plan_.units()[u];
    roles_[u].is_dead = !has_gradient[unit.output];
    if (roles_[u].is_dead) continue;
    const bool is_add = layers_[unit.layer].kind == LayerKind::kAdd;
    const int inputs[2] = {unit.input, is_add ? unit.second_input : -1};
    for (int i = 0; i < 2; ++i) {
      if (inputs[i] < 0) continue;
      const auto at = static_cast<size_t>(inputs[i]);
      roles_[u].adds[i] = has_gradient[at];
      has_gradient[at] = true;
    }
  }
}

int64_t Network::ExamplesAtOnce(const Stage& stage, bool is_backward) const {
  constexpr int64_t kFloatsMax = (2 << 20) / 4;
  int64_t floats = 1;
  for (size_t u = stage.first; u < stage.end; ++u) {
    const Layer& layer = layers_[plan_.units()[u].layer];
    floats += (is_backward ? 2 : 1) * layer.input_shape.elements() +
              layer.output_shape.elements();
  }
  return std::max<int64_t>(1, kFloatsMax / floats);
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

MapView Network::View(int buffer, int64_t first) {
  const MapBuffer& map = plan_.buffer(buffer);
  const Strides strides = map.layout.strides();
  return {.at = maps_.data() + map.offset + map.layout.origin() +
                first * strides.example,
          .strides = strides,
          .shape = map.layout.shape};
}

MapView Network::Output(int layer, int64_t first) {
  return View(plan_.OutputOf(layer), first);
}
MapView Network::Gradient(int layer, int64_t first) {
  return View(plan_.GradientOf(layer), first);
}

MapView Network::InputOf(const Unit& unit, int64_t first) {
  return unit.input_copy != kNoBuffer ? View(unit.input_copy, first)
                                      : Output(unit.input, first);
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
  images_.at = const_cast<float*>(images);
  images_.strides = MapLayout{.shape = input_, .is_image = true}.strides();
  images_.shape = input_;
  for (size_t s = 0; s < plan_.forward_stages().size(); ++s) ForwardStage(s);
}

void Network::ForwardStage(size_t stage) {
  if (stage > 0) FinishNormSums(plan_.forward_stages()[stage].first);
  if (!is_alone()) return ForwardTogether(stage);
  const int64_t count = forward_examples_[stage];
  for (int64_t first = 0; first < context_.batch; first += count) {
    ForwardExamples(stage, {first, std::min(count, context_.batch - first)});
  }
}

void Network::ForwardTogether(size_t stage) {
  const auto sum = [&](int layer) {
    for (const size_t norm : norms_of_[static_cast<size_t>(layer + 1)]) {
      SumBlocks(norm, &Network::SumNormBlock);
    }
  };
  if (stage == 0) {
    ForEachRange([&](const Examples& examples) { CopyImages(examples); });
    sum(-1);
  }
  const Stage& units = plan_.forward_stages()[stage];
  for (size_t u = units.first; u < units.end; ++u) {
    if (plan_.units()[u].input_copy != kNoBuffer) {
      ForEachRange([&](const Examples& examples) { CopyInput(u, examples); });
    }
    ForEachRange([&](const Examples& examples) { ForwardUnit(u, examples); });
    sum(static_cast<int>(plan_.units()[u].output));
  }
}

void Network::ForwardExamples(size_t stage, const Examples& examples) {
  const auto sum = [&](int layer) {
    for (const size_t norm : norms_of_[static_cast<size_t>(layer + 1)]) {
      SumBlocksUpTo(norm, &Network::SumNormBlock,
                    examples.first + examples.count);
    }
  };
  if (stage == 0) {
    CopyImages(examples);
    sum(-1);
  }
  const Stage& units = plan_.forward_stages()[stage];
  for (size_t u = units.first; u < units.end; ++u) {
    CopyInput(u, examples);
    ForwardUnit(u, examples);
    sum(static_cast<int>(plan_.units()[u].output));
  }
}

void Network::CopyImages(const Examples& examples) {
  MapView from = images_;
  from.at += examples.first * from.strides.example;
  CopyMap(ContextOf(examples), from, Output(-1, examples.first));
}

void Network::CopyInput(size_t index, const Examples& examples) {
  const Unit& unit = plan_.units()[index];
  if (unit.input_copy == kNoBuffer) return;
  CopyMap(ContextOf(examples), Output(unit.input, examples.first),
          View(unit.input_copy, examples.first));
}

void Network::ForwardUnit(size_t index, const Examples& examples) {
  const Unit& unit = plan_.units()[index];
  const Layer& layer = layers_[unit.layer];
  const Context context = ContextOf(examples);
  const int64_t first = examples.first;
  const MapView in = Output(unit.input, first);
  const MapView out = Output(static_cast<int>(unit.output), first);
  if (IsProduct(layer.kind)) {
    const float* last =
        layer.kind == LayerKind::kLinear
            ? parameters_.At(parameters_.PlaceOf(unit.layer, "bias"))
            : nullptr;
    products_[index]->Forward(
        context, InputOf(unit, first),
        parameters_.At(parameters_.PlaceOf(unit.layer, "weight")), last, out);
  } else if (layer.kind == LayerKind::kBatchNorm) {
    ForwardNorm(index, examples);
  } else if (IsPool(layer.kind)) {
    PoolAll(context, layer, in, out);
  } else {
    PointwiseAll(context, layer.kind, in,
                 layer.kind == LayerKind::kAdd
                     ? Output(unit.second_input, first)
                     : MapView(),
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
