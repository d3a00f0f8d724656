// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/inner/network_plan.h"

#include <algorithm>
#include <numeric>

#include "common/kernels/inner/conv_taps.h"

namespace archpool::kernels {
namespace {

bool IsActivation(LayerKind kind) {
  return kind == LayerKind::kRelu || kind == LayerKind::kHardswish ||
         kind == LayerKind::kSilu;
}

bool IsProduct(LayerKind kind) {
  return kind == LayerKind::kConv || kind == LayerKind::kLinear;
}

// Whether the backward pass of a layer reads what the layer had read.
bool ReadsInputAgain(LayerKind kind) {
  return kind != LayerKind::kAdd && kind != LayerKind::kAvgPool &&
         kind != LayerKind::kGlobalAvgPool;
}

}  // namespace

Strides MapLayout::strides() const {
  Strides strides;
  strides.column =
      is_image ? shape.channels : RoundUp(shape.channels, kChannelStep);
  strides.row = (shape.width + 2 * border) * strides.column;
  strides.example = (shape.height + 2 * border) * strides.row;
  return strides;
}

int64_t MapLayout::origin() const {
  return border * (strides().row + strides().column);
}

int64_t MapLayout::floats(int64_t examples) const {
  return RoundUp(examples * strides().example + kSlack, kWeightStep);
}

NetworkPlan::NetworkPlan(const TensorShape& input,
                         const std::vector<Layer>& layers, int64_t batch,
                         Purpose purpose)
    : input_(input),
      layers_(layers),
      batch_(batch),
      readers_(layers.size() + 1),
      outputs_(layers.size() + 1, kNoBuffer),
      gradients_(layers.size() + 1, kNoBuffer),
      is_folded_(layers.size(), false) {
  for (size_t i = 0; i < layers_.size(); ++i) {
    readers_[static_cast<size_t>(layers_[i].input + 1)].push_back(i);
    if (layers_[i].kind == LayerKind::kAdd) {
      readers_[static_cast<size_t>(layers_[i].second_input + 1)].push_back(i);
    }
  }
  MakeUnits(purpose);
  MakeStages(purpose);
  PlaceOutputs(purpose);
  if (purpose == Purpose::kTraining) PlaceGradients();
  PlaceInputCopies(purpose);
  Allocate();
}

void NetworkPlan::MakeUnits(Purpose purpose) {
  std::vector<bool> is_done(layers_.size(), false);
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (is_done[i]) continue;
    const Layer& layer = layers_[i];
    Unit unit{.layer = i,
              .output = i,
              .input = layer.input,
              .second_input = layer.second_input};
    // What reads this output and nobody else does, if it is of this kind.
    const auto only_reader = [&](size_t of, auto is_wanted) {
      const auto& readers = readers_[of + 1];
      return readers.size() == 1 && is_wanted(layers_[readers[0]].kind)
                 ? readers[0]
                 : of;
    };
    if (layer.kind == LayerKind::kConv && purpose == Purpose::kEvaluation) {
      const size_t norm = only_reader(
          i, [](LayerKind kind) { return kind == LayerKind::kBatchNorm; });
      if (norm != i) {
        is_folded_[norm] = is_done[norm] = true;
        unit.output = norm;
      }
    }
    if (layer.kind == LayerKind::kBatchNorm ||
        (purpose == Purpose::kEvaluation && unit.output != i)) {
      const size_t activation = only_reader(unit.output, IsActivation);
      if (activation != unit.output) {
        unit.activation = layers_[activation].kind;
        unit.output = activation;
        is_done[activation] = true;
      }
    }
    units_.push_back(unit);
  }
  spare_gradients_.assign(units_.size(), kNoBuffer);
}

// Evaluation goes through a batch unit by unit: each is a stage.
void NetworkPlan::MakeStages(Purpose purpose) {
  const auto is_norm = [&](size_t u) {
    return layers_[units_[u].layer].kind == LayerKind::kBatchNorm;
  };
  forward_.push_back({0, 0});
  for (size_t u = 0; u < units_.size(); ++u) {
    if (purpose == Purpose::kEvaluation ? u > 0 : is_norm(u)) {
      forward_.push_back({u, u});
    }
    forward_.back().end = u + 1;
    forward_moments_.push_back(static_cast<int>(forward_.size()) - 1);
  }
  if (purpose == Purpose::kEvaluation) return;
  backward_moments_.resize(units_.size());
  bool has_product = false;
  for (size_t u = units_.size(); u-- > 0;) {
    const bool is_product = IsProduct(layers_[units_[u].layer].kind);
    if (backward_.empty() || is_norm(u) || (is_product && has_product)) {
      backward_.push_back({u, u + 1});
      has_product = false;
    }
    has_product = has_product || is_product;
    backward_.back().first = u;
    backward_moments_[u] =
        static_cast<int>(forward_.size() + backward_.size()) - 1;
  }
}

int NetworkPlan::Moment(size_t unit, bool is_backward) const {
  return is_backward ? backward_moments_[unit] : forward_moments_[unit];
}

// The widest padding that a reader wants; a batch norm wants none.
int64_t NetworkPlan::BorderOf(int layer) const {
  int64_t border = 0;
  for (const size_t reader : readers_[static_cast<size_t>(layer + 1)]) {
    if (layers_[reader].kind == LayerKind::kBatchNorm) return 0;
    if (layers_[reader].kind == LayerKind::kConv) {
      border = std::max(border, PaddingOf(layers_[reader]));
    }
  }
  return border;
}

int NetworkPlan::AddBuffer(const MapLayout& layout, int first_use) {
  buffers_.push_back(
      {.layout = layout, .first_use = first_use, .last_use = first_use});
  return static_cast<int>(buffers_.size()) - 1;
}

void NetworkPlan::Use(int buffer, int moment) {
  int& last = buffers_[static_cast<size_t>(buffer)].last_use;
  last = std::max(last, moment);
}

void NetworkPlan::PlaceOutputs(Purpose purpose) {
  outputs_[0] =
      AddBuffer({.shape = input_, .border = BorderOf(-1), .is_image = true}, 0);
  for (size_t u = 0; u < units_.size(); ++u) {
    const Unit& unit = units_[u];
    const auto output = static_cast<int>(unit.output);
    outputs_[unit.output + 1] =
        AddBuffer({.shape = layers_[unit.output].output_shape,
                   .border = BorderOf(output)},
                  Moment(u, false));
  }
  for (size_t u = 0; u < units_.size(); ++u) {
    const Unit& unit = units_[u];
    const bool is_needed_again = purpose == Purpose::kTraining &&
                                 ReadsInputAgain(layers_[unit.layer].kind);
    Use(OutputOf(unit.input), Moment(u, is_needed_again));
    if (layers_[unit.layer].kind == LayerKind::kAdd) {
      Use(OutputOf(unit.second_input), Moment(u, false));
    }
  }
  // The answer is there until the next batch.
  Use(OutputOf(static_cast<int>(layers_.size()) - 1),
      static_cast<int>(forward_.size() + backward_.size()));
}

void NetworkPlan::PlaceGradients() {
  const auto last = static_cast<int>(layers_.size()) - 1;
  gradients_[static_cast<size_t>(last + 1)] =
      AddBuffer({.shape = layers_.back().output_shape},
                static_cast<int>(forward_.size()) - 1);
  for (size_t u = units_.size(); u-- > 0;) {
    const Unit& unit = units_[u];
    const int moment = Moment(u, true);
    const int own = GradientOf(static_cast<int>(unit.output));
    if (own != kNoBuffer) Use(own, moment);
    const bool is_add = layers_[unit.layer].kind == LayerKind::kAdd;
    for (const int input : {unit.input, is_add ? unit.second_input : -1}) {
      if (input < 0) continue;
      int& gradient = gradients_[static_cast<size_t>(input + 1)];
      const Layer& maker = layers_[static_cast<size_t>(input)];
      const MapLayout layout{
          .shape = maker.output_shape,
          .border = maker.kind == LayerKind::kConv ? PaddingOf(maker) : 0};
      if (gradient == kNoBuffer) {
        gradient = AddBuffer(layout, moment);
      } else if (!is_add && spare_gradients_[u] == kNoBuffer) {
        spare_gradients_[u] = AddBuffer(layout, moment);
      }
      Use(gradient, moment);
    }
  }
}

void NetworkPlan::PlaceInputCopies(Purpose purpose) {
  for (size_t u = 0; u < units_.size(); ++u) {
    Unit& unit = units_[u];
    const Layer& layer = layers_[unit.layer];
    if (layer.kind != LayerKind::kConv) continue;
    MapLayout layout = buffer(OutputOf(unit.input)).layout;
    if (layout.border >= PaddingOf(layer)) continue;
    layout.border = PaddingOf(layer);
    unit.input_copy = AddBuffer(layout, Moment(u, false));
    Use(unit.input_copy, Moment(u, purpose == Purpose::kTraining));
  }
}

// The largest first, each at the lowest place that is free while it is used. A
// map with a border shares its place only with such as lie alike: borders are
// set to zero once.
void NetworkPlan::Allocate() {
  std::vector<size_t> order(buffers_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return buffers_[a].layout.floats(batch_) >
           buffers_[b].layout.floats(batch_);
  });
  std::vector<MapBuffer> placed;
  for (const size_t index : order) {
    MapBuffer& buffer = buffers_[index];
    std::vector<int64_t> places = {0};
    for (const MapBuffer& other : placed) {
      places.push_back(other.offset);
      places.push_back(other.offset + other.layout.floats(batch_));
    }
    std::sort(places.begin(), places.end());
    for (const int64_t place : places) {
      buffer.offset = place;
      if (std::none_of(placed.begin(), placed.end(),
                       [&](const MapBuffer& other) {
                         return AreInTheWay(buffer, other);
                       })) {
        break;
      }
    }
    floats_ = std::max(floats_, buffer.offset + buffer.layout.floats(batch_));
    placed.push_back(buffer);
  }
}

bool NetworkPlan::AreInTheWay(const MapBuffer& a, const MapBuffer& b) const {
  const bool overlap = a.offset < b.offset + b.layout.floats(batch_) &&
                       b.offset < a.offset + a.layout.floats(batch_);
  if (!overlap) return false;
  if (a.first_use <= b.last_use && b.first_use <= a.last_use) return true;
  const bool has_border = a.layout.border > 0 || b.layout.border > 0;
  return has_border && !(a.layout == b.layout && a.offset == b.offset);
}

}  // namespace archpool::kernels
