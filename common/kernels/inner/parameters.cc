// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/inner/parameters.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>

namespace archpool::kernels {

void TensorLayout::FromFile(const float* file, float* to) const {
  std::fill(to, to + floats(), 0.0f);
  for (int64_t o = 0; o < outputs; ++o) {
    for (int64_t i = 0; i < inputs; ++i) {
      for (int64_t t = 0; t < taps; ++t) {
        to[(t * inputs + i) * stride() + o] = *file++;
      }
    }
  }
}

void TensorLayout::ToFile(const float* from, float* file) const {
  for (int64_t o = 0; o < outputs; ++o) {
    for (int64_t i = 0; i < inputs; ++i) {
      for (int64_t t = 0; t < taps; ++t) {
        *file++ = from[(t * inputs + i) * stride() + o];
      }
    }
  }
}

Parameters::Parameters(const std::vector<Layer>& layers) {
  Place(layers);
  const auto trained = static_cast<size_t>(trained_floats_ + kSlack);
  const auto all = static_cast<size_t>(floats_ + kSlack);
  state_.resize(all);
  next_state_.resize(all);
  velocity_.resize(trained);
  next_velocity_.resize(trained);
  gradient_.resize(trained);
}

void Parameters::Place(const std::vector<Layer>& layers) {
  for (size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = layers[i];
    if (layer.kind == LayerKind::kConv) {
      Append(trained_, i, "weight",
             {.outputs = layer.output_shape.channels,
              .inputs = layer.groups > 1 ? 1 : layer.input_shape.channels,
              .taps = layer.kernel * layer.kernel});
    }
    if (layer.kind == LayerKind::kLinear) {
      Append(trained_, i, "weight",
             {.outputs = layer.output_shape.channels,
              .inputs = layer.input_shape.channels,
              .taps = layer.input_shape.height * layer.input_shape.width});
    }
  }
  decaying_ = floats_;
  for (size_t i = 0; i < layers.size(); ++i) {
    const TensorLayout channels{.outputs = layers[i].output_shape.channels};
    if (layers[i].kind == LayerKind::kLinear) {
      Append(trained_, i, "bias", channels);
    }
    if (layers[i].kind == LayerKind::kBatchNorm) {
      Append(trained_, i, "weight", channels);
      Append(trained_, i, "bias", channels);
    }
  }
  trained_floats_ = floats_;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (layers[i].kind != LayerKind::kBatchNorm) continue;
    const TensorLayout channels{.outputs = layers[i].output_shape.channels};
    Append(running_, i, "running_mean", channels);
    Append(running_, i, "running_var", channels);
  }
}

void Parameters::Append(std::vector<TensorPlace>& places, size_t layer,
                        const char* name, const TensorLayout& layout) {
  places.push_back(
      {.layer = layer, .name = name, .layout = layout, .offset = floats_});
  floats_ += layout.floats();
}

const TensorPlace& Parameters::PlaceOf(size_t layer, const char* name) const {
  for (const auto* places : {&trained_, &running_}) {
    for (const TensorPlace& place : *places) {
      if (place.layer == layer && std::strcmp(place.name, name) == 0) {
        return place;
      }
    }
  }
  std::abort();
}

bool Parameters::Step(const Rates& rates, bool running_is_finite,
                      const KernelTable& kernels, Team& team) {
  std::atomic<bool> is_finite = running_is_finite;
  const auto step = [&](int64_t first, int64_t end, float decay) {
    OptimizerPass pass;
    pass.count = end - first;
    pass.gradient = gradient_.data() + first;
    pass.velocity = velocity_.data() + first;
    pass.weights = state_.data() + first;
    pass.next_velocity = next_velocity_.data() + first;
    pass.next_weights = next_state_.data() + first;
    pass.rate = rates.rate;
    pass.momentum = rates.momentum;
    pass.decay = decay;
    if (!kernels.optimizer(pass)) is_finite = false;
  };
  // In units of a vector: threads never write one line of the cache.
  team.RunRanges(trained_floats_ / kWeightStep,
                 [&](int64_t first, int64_t end) {
                   first *= kWeightStep;
                   end *= kWeightStep;
                   const int64_t middle = std::clamp(decaying_, first, end);
                   if (first < middle) step(first, middle, rates.decay);
                   if (middle < end) step(middle, end, 0.0f);
                 });
  if (!is_finite) return false;
  state_.swap(next_state_);
  velocity_.swap(next_velocity_);
  return true;
}

void Parameters::RestVelocity() {
  std::fill(velocity_.begin(), velocity_.end(), 0.0f);
}

int64_t Parameters::Bytes(const std::vector<Layer>& layers) {
  Parameters like;
  like.Place(layers);
  return (2 * (like.floats_ + kSlack) + 3 * (like.trained_floats_ + kSlack)) *
         static_cast<int64_t>(sizeof(float));
}

}  // namespace archpool::kernels
